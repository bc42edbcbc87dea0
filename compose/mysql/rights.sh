#!/bin/bash
# What the application's account needs beside all rights on its own schema, whatever the two are called. The image of
# MySQL runs it once, while the volume is new; if it fails, mend it and remove the volume: it is not run again.

MYSQL_PWD=$MYSQL_ROOT_PASSWORD mysql --protocol=socket --user=root --init-command="SET @account = '$MYSQL_USER'" \
  "$MYSQL_DATABASE" <<'SQL'
-- MySQL has a binary log, and with one only root may make triggers and functions (error 1419), unless this is on.
SET PERSIST log_bin_trust_function_creators = ON;

-- The shadow: the scratch schema in which schemagate tries migrations first. Its name is made from the schema's name.
SET @shadow = CONCAT('schemagate_shadow_', LEFT(SHA2(DATABASE(), 256), 16));
SET @grant = CONCAT('GRANT ALL ON `', REPLACE(@shadow, '_', '\\_'), '`.* TO ', QUOTE(@account), '@''%''');
PREPARE this FROM @grant;
EXECUTE this;
SQL
