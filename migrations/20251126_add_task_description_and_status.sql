-- What a workflow is to do, in words; when its work began; and three more states it can be in.

ALTER TABLE workflows
  ADD COLUMN task_description TEXT NULL AFTER target_module,
  MODIFY COLUMN status ENUM(
    'pending', 'pending_fix', 'running', 'planning', 'coding', 'security_linting', 'testing', 'reviewing',
    'documenting', 'completed', 'completed_with_warnings', 'failed'
  ) NOT NULL DEFAULT 'pending',
  ADD COLUMN started_at TIMESTAMP NULL DEFAULT NULL AFTER status;
