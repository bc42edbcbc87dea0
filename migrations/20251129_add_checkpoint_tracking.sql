-- The commit that a workflow can go back to, and when it was made.

ALTER TABLE workflows
  ADD COLUMN checkpoint_commit VARCHAR(40) NULL,
  ADD COLUMN checkpoint_created_at TIMESTAMP NULL DEFAULT NULL,
  ADD INDEX idx_checkpoint_commit (checkpoint_commit);
