-- The module that a workflow works on. Workflows from before this migration were all about AIDeveloper itself: the
-- default gives them its name.

ALTER TABLE workflows
  ADD COLUMN target_module VARCHAR(255) NULL DEFAULT 'AIDeveloper' AFTER workflow_type,
  ADD INDEX idx_target_module (target_module);
