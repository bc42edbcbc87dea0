-- People and agents talk in a workflow while it runs, and may ask it to pause.

CREATE TABLE workflow_messages (
  id INT NOT NULL AUTO_INCREMENT,
  workflow_id INT NOT NULL,
  agent_execution_id INT NULL,
  message_type ENUM('user', 'agent', 'system') NOT NULL,
  agent_type VARCHAR(50) NULL,
  content TEXT NOT NULL,
  metadata JSON NULL,
  action_type ENUM('comment', 'instruction', 'pause', 'resume', 'cancel', 'redirect') NULL DEFAULT 'comment',
  action_status ENUM('pending', 'acknowledged', 'processed', 'ignored') NULL DEFAULT 'pending',
  created_at TIMESTAMP(3) NULL DEFAULT CURRENT_TIMESTAMP(3),
  PRIMARY KEY (id),
  INDEX idx_workflow_id (workflow_id),
  INDEX idx_agent_execution_id (agent_execution_id),
  INDEX idx_action_status (action_status),
  INDEX idx_created_at (created_at),
  INDEX idx_message_type_action_status (message_type, action_status),
  CONSTRAINT fk_workflow_messages_workflow
    FOREIGN KEY (workflow_id) REFERENCES workflows (id) ON DELETE CASCADE,
  CONSTRAINT fk_workflow_messages_agent_execution
    FOREIGN KEY (agent_execution_id) REFERENCES agent_executions (id) ON DELETE SET NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

ALTER TABLE workflows
  ADD COLUMN is_paused BOOLEAN NULL DEFAULT FALSE AFTER status,
  ADD COLUMN pause_requested_at TIMESTAMP NULL DEFAULT NULL AFTER is_paused,
  ADD COLUMN pause_reason TEXT NULL AFTER pause_requested_at,
  ADD INDEX idx_is_paused (is_paused);
