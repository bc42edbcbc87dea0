-- The first five tables: workflows, the agents that work on them, what the agents make and say, and the settings of the
-- server that are kept in the database.

CREATE TABLE workflows (
  id INT NOT NULL AUTO_INCREMENT,
  workflow_type ENUM('pr_review', 'fix', 'feature', 'new_module') NOT NULL,
  status ENUM('pending', 'planning', 'coding', 'testing', 'reviewing', 'documenting', 'completed', 'failed')
    NOT NULL DEFAULT 'pending',
  payload JSON NULL,
  result TEXT NULL,
  created_at TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (id),
  INDEX idx_status (status),
  INDEX idx_created_at (created_at),
  INDEX idx_workflow_type (workflow_type)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

CREATE TABLE agent_executions (
  id INT NOT NULL AUTO_INCREMENT,
  workflow_id INT NOT NULL,
  agent_type ENUM('orchestrator', 'plan', 'code', 'test', 'review', 'document') NOT NULL,
  status ENUM('queued', 'running', 'completed', 'failed') NOT NULL DEFAULT 'queued',
  input TEXT NULL,
  output TEXT NULL,
  error TEXT NULL,
  started_at TIMESTAMP NULL DEFAULT NULL,
  completed_at TIMESTAMP NULL DEFAULT NULL,
  created_at TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (id),
  INDEX idx_workflow_id (workflow_id),
  INDEX idx_status (status),
  INDEX idx_agent_type (agent_type),
  CONSTRAINT fk_agent_executions_workflow
    FOREIGN KEY (workflow_id) REFERENCES workflows (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

CREATE TABLE artifacts (
  id INT NOT NULL AUTO_INCREMENT,
  workflow_id INT NOT NULL,
  agent_execution_id INT NULL,
  artifact_type ENUM('plan', 'code', 'test', 'review_report', 'documentation') NOT NULL,
  file_path VARCHAR(500) NULL,
  content TEXT NULL,
  metadata JSON NULL,
  created_at TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (id),
  INDEX idx_workflow_id (workflow_id),
  INDEX idx_artifact_type (artifact_type),
  INDEX idx_agent_execution_id (agent_execution_id),
  CONSTRAINT fk_artifacts_workflow
    FOREIGN KEY (workflow_id) REFERENCES workflows (id) ON DELETE CASCADE,
  CONSTRAINT fk_artifacts_agent_execution
    FOREIGN KEY (agent_execution_id) REFERENCES agent_executions (id) ON DELETE SET NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

CREATE TABLE execution_logs (
  id INT NOT NULL AUTO_INCREMENT,
  workflow_id INT NOT NULL,
  agent_execution_id INT NULL,
  log_level ENUM('debug', 'info', 'warn', 'error') NOT NULL DEFAULT 'info',
  message TEXT NOT NULL,
  `timestamp` TIMESTAMP(3) NULL DEFAULT CURRENT_TIMESTAMP(3),
  metadata JSON NULL,
  PRIMARY KEY (id),
  INDEX idx_workflow_id (workflow_id),
  INDEX idx_agent_execution_id (agent_execution_id),
  INDEX idx_timestamp (`timestamp`),
  CONSTRAINT fk_execution_logs_workflow
    FOREIGN KEY (workflow_id) REFERENCES workflows (id) ON DELETE CASCADE,
  CONSTRAINT fk_execution_logs_agent_execution
    FOREIGN KEY (agent_execution_id) REFERENCES agent_executions (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

CREATE TABLE environment_variables (
  id INT NOT NULL AUTO_INCREMENT,
  key_name VARCHAR(255) NOT NULL,
  key_value TEXT NOT NULL,
  module_name VARCHAR(255) NULL,
  description TEXT NULL,
  created_at TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (id),
  UNIQUE INDEX uq_key_name (key_name),
  INDEX idx_module_name (module_name)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
