INSERT INTO customers VALUES (1, 'before');
SET SESSION sql_mode = '';
SET foreign_key_checks = 0, unique_checks = 0;
SET @left_behind := 'left behind';
SET @@session.sql_safe_updates = 0;
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;
SET timestamp = 1;
SET NAMES latin1;
SET NAMES utf8mb4;
SET group_concat_max_len = 77;
-- Without strict mode it is cut and gets in.
INSERT INTO customers VALUES (2, CONCAT('loose', REPEAT('=', 40)));
CREATE TEMPORARY TABLE customers (id INT, name VARCHAR(100));
INSERT INTO customers VALUES (99, 'temporary');
PREPARE left_behind FROM 'SELECT 1';
