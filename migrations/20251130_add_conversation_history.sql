-- What an agent and its model said to each other. Few rows have one, so an index finds those:
--
--   SELECT id FROM agent_executions WHERE has_conversation_history = TRUE;
--
-- A JSON column cannot be indexed and MariaDB has no functional indexes: the index is on a generated column, whose
-- expression both servers accept. It is STORED because rows of this table are deleted by cascade and purged in the
-- background, and indexes on VIRTUAL columns have crashed both servers there.

ALTER TABLE agent_executions
  ADD COLUMN conversation_history JSON NULL AFTER output,
  ADD COLUMN has_conversation_history BOOLEAN GENERATED ALWAYS AS (conversation_history IS NOT NULL) STORED
    AFTER conversation_history,
  ADD INDEX idx_has_conversation_history (has_conversation_history);
