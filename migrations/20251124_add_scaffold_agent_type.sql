-- An agent that lays out the files of a new module.

ALTER TABLE agent_executions
  MODIFY COLUMN agent_type ENUM(
    'orchestrator', 'plan', 'code', 'security_lint', 'test', 'review', 'document', 'scaffold'
  ) NOT NULL;
