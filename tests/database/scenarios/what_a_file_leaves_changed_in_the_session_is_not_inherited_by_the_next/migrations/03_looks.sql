INSERT INTO seen VALUES (
  1, @@sql_mode, @@foreign_key_checks, @@unique_checks, @left_behind, /*!80000 @@transaction_isolation */ /*M! @@tx_isolation */, @@autocommit,
  @@group_concat_max_len = 77, UNIX_TIMESTAMP() = 1
);
INSERT INTO customers VALUES (3, 'after the temporary one');
