-- Three accounts, so that no container can do more than its work. For an administrator of the database to run, once,
-- with passwords of your own. Triggers and functions need log_bin_trust_function_creators=1 on the server besides.

-- The gate that migrates: all on the schema, and on the shadow in which migrations are tried first.
CREATE USER 'aideveloper_migrate'@'%' IDENTIFIED BY 'change me 1';
GRANT ALL ON `aideveloper`.* TO 'aideveloper_migrate'@'%';
GRANT ALL ON `schemagate\_shadow\_4b25bb8b0ade7329`.* TO 'aideveloper_migrate'@'%';

-- The gate that only looks.
CREATE USER 'aideveloper_check'@'%' IDENTIFIED BY 'change me 2';
GRANT SELECT, SHOW VIEW ON `aideveloper`.* TO 'aideveloper_check'@'%';

-- The application: rows.
CREATE USER 'aideveloper_server'@'%' IDENTIFIED BY 'change me 3';
GRANT SELECT, INSERT, UPDATE, DELETE ON `aideveloper`.* TO 'aideveloper_server'@'%';
