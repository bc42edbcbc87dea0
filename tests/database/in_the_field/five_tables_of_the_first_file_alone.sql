DROP TABLE workflow_messages;
DROP TABLE sub_workflow_queue;
DROP TABLE module_settings;
DROP TABLE workflow_modules;
ALTER TABLE agent_executions DROP COLUMN has_conversation_history, DROP COLUMN conversation_history;
ALTER TABLE workflows DROP FOREIGN KEY fk_workflows_parent;
ALTER TABLE workflows
  DROP INDEX idx_parent_execution_order,
  DROP COLUMN parent_workflow_id,
  DROP COLUMN workflow_depth,
  DROP COLUMN execution_order,
  DROP COLUMN plan_json,
  DROP COLUMN auto_execute_children,
  DROP COLUMN task_description,
  DROP COLUMN started_at,
  DROP COLUMN output_mode,
  DROP COLUMN pr_url,
  DROP COLUMN target_module,
  DROP COLUMN checkpoint_commit,
  DROP COLUMN checkpoint_created_at,
  DROP COLUMN is_paused,
  DROP COLUMN pause_requested_at,
  DROP COLUMN pause_reason;
