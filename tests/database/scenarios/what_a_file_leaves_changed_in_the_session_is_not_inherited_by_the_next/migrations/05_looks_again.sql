INSERT INTO seen VALUES (
  2, @@sql_mode, @@foreign_key_checks, @@unique_checks, @known, /*!80000 @@transaction_isolation */ /*M! @@tx_isolation */, @@autocommit,
  @@group_concat_max_len = 77, UNIX_TIMESTAMP() = 1
);
