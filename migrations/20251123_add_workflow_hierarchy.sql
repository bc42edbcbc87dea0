-- A workflow may be split into a tree of smaller ones, which are worked off from a queue in their order.

ALTER TABLE workflows
  ADD COLUMN parent_workflow_id INT NULL AFTER id,
  ADD COLUMN workflow_depth INT NULL DEFAULT 0 AFTER parent_workflow_id,
  ADD COLUMN execution_order INT NULL DEFAULT 0 AFTER workflow_depth,
  ADD COLUMN plan_json JSON NULL AFTER payload,
  ADD COLUMN auto_execute_children BOOLEAN NULL DEFAULT TRUE AFTER plan_json,
  ADD INDEX idx_workflow_depth (workflow_depth),
  ADD INDEX idx_parent_execution_order (parent_workflow_id, execution_order),
  ADD CONSTRAINT fk_workflows_parent
    FOREIGN KEY (parent_workflow_id) REFERENCES workflows (id) ON DELETE CASCADE;

CREATE TABLE sub_workflow_queue (
  id INT NOT NULL AUTO_INCREMENT,
  parent_workflow_id INT NOT NULL,
  child_workflow_id INT NOT NULL,
  execution_order INT NOT NULL,
  status ENUM('pending', 'in_progress', 'completed', 'failed', 'skipped') NULL DEFAULT 'pending',
  depends_on JSON NULL,
  created_at TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP,
  started_at TIMESTAMP NULL DEFAULT NULL,
  completed_at TIMESTAMP NULL DEFAULT NULL,
  error_message TEXT NULL,
  PRIMARY KEY (id),
  UNIQUE INDEX uq_child_workflow_id (child_workflow_id),
  INDEX idx_parent_execution_order (parent_workflow_id, execution_order),
  INDEX idx_status (status),
  CONSTRAINT fk_sub_workflow_queue_parent
    FOREIGN KEY (parent_workflow_id) REFERENCES workflows (id) ON DELETE CASCADE,
  CONSTRAINT fk_sub_workflow_queue_child
    FOREIGN KEY (child_workflow_id) REFERENCES workflows (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
