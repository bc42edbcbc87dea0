ALTER TABLE workflows DROP INDEX idx_pr_url, DROP INDEX idx_output_mode;
