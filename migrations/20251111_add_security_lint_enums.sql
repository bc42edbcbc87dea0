-- A security lint runs between coding and testing: a status of the workflow, an agent that does it, an artifact it leaves.
-- Each list of values only grows, so no row changes.

ALTER TABLE workflows
  MODIFY COLUMN status ENUM(
    'pending', 'planning', 'coding', 'security_linting', 'testing', 'reviewing', 'documenting', 'completed', 'failed'
  ) NOT NULL DEFAULT 'pending';

ALTER TABLE agent_executions
  MODIFY COLUMN agent_type ENUM('orchestrator', 'plan', 'code', 'security_lint', 'test', 'review', 'document') NOT NULL;

ALTER TABLE artifacts
  MODIFY COLUMN artifact_type ENUM('plan', 'code', 'security_lint', 'test', 'review_report', 'documentation') NOT NULL;
