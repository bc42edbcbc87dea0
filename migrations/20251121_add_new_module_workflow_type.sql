-- The types of workflows get their final names: fix becomes bugfix, pr_review becomes review, and refactor and
-- documentation are new. No row is lost or blanked: first the list takes old and new values, then the rows move, then
-- the list drops the values that no row has any more. The server refuses the last step (error 1265) while any row has
-- an old value.

ALTER TABLE workflows
  MODIFY COLUMN workflow_type ENUM(
    'pr_review', 'fix', 'feature', 'bugfix', 'refactor', 'documentation', 'review', 'new_module'
  ) NOT NULL;

-- Another name for the same work is no update of the workflow, so updated_at stays as it is.
UPDATE workflows
SET
  workflow_type = CASE workflow_type WHEN 'fix' THEN 'bugfix' ELSE 'review' END,
  updated_at = updated_at
WHERE workflow_type IN ('fix', 'pr_review');

ALTER TABLE workflows
  MODIFY COLUMN workflow_type ENUM('feature', 'bugfix', 'refactor', 'documentation', 'review', 'new_module') NOT NULL;
