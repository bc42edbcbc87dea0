-- A workflow may work on several modules. The one it had so far, workflows.target_module, becomes its primary module.

CREATE TABLE workflow_modules (
  id INT NOT NULL AUTO_INCREMENT,
  workflow_id INT NOT NULL,
  module_name VARCHAR(255) NOT NULL,
  is_primary BOOLEAN NULL DEFAULT FALSE,
  created_at TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (id),
  UNIQUE INDEX uq_workflow_module (workflow_id, module_name),
  INDEX idx_module_name (module_name),
  CONSTRAINT fk_workflow_modules_workflow
    FOREIGN KEY (workflow_id) REFERENCES workflows (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

INSERT INTO workflow_modules (workflow_id, module_name, is_primary)
SELECT id, target_module, TRUE
FROM workflows
WHERE target_module IS NOT NULL;
