ALTER TABLE workflows MODIFY COLUMN output_mode ENUM('pull_request', 'commit', 'pr', 'none') NULL DEFAULT 'commit';
