-- How a workflow hands over its work: as a pull request or as a commit.

ALTER TABLE workflows
  ADD COLUMN output_mode ENUM('pr', 'commit') NULL DEFAULT 'pr' AFTER workflow_type,
  ADD INDEX idx_output_mode (output_mode);
