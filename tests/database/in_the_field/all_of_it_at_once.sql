ALTER TABLE workflows MODIFY COLUMN target_module VARCHAR(255) NULL;
ALTER TABLE workflows MODIFY COLUMN output_mode ENUM('pull_request', 'commit', 'pr', 'none') NULL DEFAULT 'commit';
ALTER TABLE workflows DROP INDEX idx_pr_url, DROP INDEX idx_output_mode;
ALTER TABLE workflow_modules CONVERT TO CHARACTER SET utf8mb4;
ALTER TABLE workflow_messages CONVERT TO CHARACTER SET utf8mb4;
ALTER TABLE workflows
  MODIFY COLUMN status ENUM(
    'pending', 'planning', 'coding', 'security_linting', 'testing', 'reviewing', 'documenting', 'completed', 'failed'
  ) NOT NULL DEFAULT 'pending';
DROP TABLE sub_workflow_queue;
