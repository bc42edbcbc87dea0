ALTER TABLE workflows
  MODIFY COLUMN status ENUM(
    'pending', 'planning', 'coding', 'security_linting', 'testing', 'reviewing', 'documenting', 'completed', 'failed'
  ) NOT NULL DEFAULT 'pending';
