"""Routines, triggers and events from a file without DELIMITER are what a server takes."""

from __future__ import annotations

import pytest

from schemagate.sql import statements
from tests.databases import Database
from tests.reach import Server

# Every block there is, nested, with columns and parameters that are called like the words of blocks.
COMMON = r"""
-- no DELIMITER here
CREATE TABLE t (id INT PRIMARY KEY, begin INT, end INT, `case` INT);

CREATE PROCEDURE nothing() BEGIN END;
CREATE PROCEDURE simple(IN begin INT, OUT end INT) COMMENT 'BEGIN' SET end = CASE WHEN begin THEN 1 ELSE 2 END;

CREATE PROCEDURE everything(IN begin INT) READS SQL DATA SQL SECURITY INVOKER
outer_one: BEGIN
  DECLARE done, i INT DEFAULT 0;
  DECLARE a_column INT;
  DECLARE oops CONDITION FOR SQLSTATE '42000';
  DECLARE rows_of CURSOR FOR SELECT end FROM t WHERE t.case = begin;  -- it's a comment; END
  DECLARE EXIT HANDLER FOR oops, SQLSTATE VALUE '45000', 1062 BEGIN ROLLBACK; SELECT 'END;'; END;
  DECLARE CONTINUE HANDLER FOR NOT FOUND SET done = IF(done, 1, CASE 1 WHEN 1 THEN 1 END);
  # END
  OPEN rows_of;
  fetching: LOOP
    FETCH rows_of INTO a_column;
    IF done THEN LEAVE fetching; ELSEIF a_column > 3 THEN ITERATE fetching; ELSE SET i = i + 1; END IF;
  END LOOP fetching;
  CLOSE rows_of;
  counting: WHILE i < CASE WHEN begin THEN 3 ELSE 4 END DO
    SET i = i + 1;
    CASE i WHEN 1 THEN BEGIN END; WHEN 2 THEN SELECT i; ELSE BEGIN DECLARE j INT; SET j = 1; END; END CASE;
    CASE WHEN i = 1 THEN SELECT CASE i WHEN 1 THEN end ELSE begin END FROM t; ELSE SET @end = 1; END CASE;
  END WHILE counting;
  REPEAT SET i = i - 1; UNTIL i < CASE WHEN begin THEN 1 ELSE 2 END END REPEAT;
  IF (begin) THEN IF begin = 1 THEN SELECT 1; END IF; END IF;
  INSERT INTO t (id, begin, end) VALUES (1, IF(1, 2, 3), LENGTH(REPEAT('x', 3)))
    ON DUPLICATE KEY UPDATE end = VALUES(end);
  UPDATE t SET end = begin, begin = end WHERE end IN (SELECT 1 AS end);
END outer_one;

CREATE FUNCTION pick(a INT) RETURNS VARCHAR(20) CHARACTER SET utf8mb4 DETERMINISTIC
  IF a THEN RETURN 'yes; END'; ELSE RETURN REPEAT('no', 2); END IF;
CREATE FUNCTION kind_of(a INT) RETURNS SET('a','b') NO SQL RETURN CASE a WHEN 1 THEN 'a' ELSE 'b' END;

CREATE TRIGGER one BEFORE INSERT ON t FOR EACH ROW BEGIN SET NEW.end = 1; SET NEW.begin = 2; END;
CREATE TRIGGER two BEFORE INSERT ON t FOR EACH ROW FOLLOWS one IF NEW.case THEN SET NEW.end = NEW.case; END IF;
CREATE TRIGGER begin AFTER DELETE ON t FOR EACH ROW DO OLD.end;
/*!50003 CREATE*/ /*!50017 DEFINER=CURRENT_USER */ /*!50003 TRIGGER three AFTER UPDATE ON t FOR EACH ROW BEGIN
  SET @a = 1; END */;

CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DISABLE COMMENT 'DO BEGIN' DO BEGIN
  DELETE FROM t WHERE end; DO SLEEP(0); END;
ALTER EVENT nightly DO BEGIN DELETE FROM t; END;
ALTER EVENT nightly COMMENT 'x';
BEGIN;
COMMIT
"""

MARIADB = r"""
BEGIN NOT ATOMIC DECLARE i INT DEFAULT 0; WHILE i < 2 DO SET i = i + 1; END WHILE; END;
IF EXISTS (SELECT 1) THEN SET @a = 1; ELSE SET @a = 2; END IF;
CREATE OR REPLACE PROCEDURE loops() BEGIN
  FOR i IN 1..3 DO SELECT i; END FOR;
  FOR r IN (SELECT 1 AS end) DO SELECT r.end; END FOR;
  BEGIN NOT ATOMIC SELECT 1; END;
END;
BEGIN NOT ATOMIC again: LOOP LEAVE again; END LOOP; END;
CASE 1 WHEN 1 THEN SET @a = 3; END CASE;
SELECT 1
"""


@pytest.mark.parametrize("size", [1, 1000])
def test_a_server_takes_each(server: Server, database: Database, size: int) -> None:
    """Statement by statement, the server finds nothing wrong with where we ended it."""
    text = COMMON + (f";{MARIADB}" if server.flavour == "mariadb" else "")
    found = list(statements((text[start : start + size] for start in range(0, len(text), size)), "file.sql"))
    assert len(found) == (21 if server.flavour == "mariadb" else 15)
    with database.connect() as connection, connection.cursor() as cursor:
        for statement in found:
            cursor.execute(statement.text)
            while cursor.nextset():
                pass
        cursor.execute("CALL everything(1)")
        while cursor.nextset():
            pass
        for kind, count in (("PROCEDURE STATUS", 3), ("FUNCTION STATUS", 2)):
            shown = cursor.execute(f"SHOW {kind} WHERE Db = DATABASE()")
            assert shown == count + (kind[0] == "P" and server.flavour == "mariadb")
        assert cursor.execute("SHOW TRIGGERS") == 4
        assert cursor.execute("SHOW EVENTS") == 1
