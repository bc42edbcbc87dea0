-- The address of the pull request that a workflow opened.

ALTER TABLE workflows
  ADD COLUMN pr_url VARCHAR(500) NULL AFTER target_module,
  ADD INDEX idx_pr_url (pr_url);
