ALTER TABLE workflows DROP COLUMN task_description, DROP COLUMN started_at, DROP COLUMN checkpoint_created_at;
ALTER TABLE agent_executions DROP COLUMN has_conversation_history, DROP COLUMN conversation_history;
ALTER TABLE workflow_messages DROP COLUMN agent_type;
