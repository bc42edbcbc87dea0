"""The rule for each kind and shape of a statement that was begun and has no outcome."""

from __future__ import annotations

import pytest

from schemagate.rules import ASK, PARTS, REFUSE, REPEAT, SEEN, WITNESS, Rule, rule_of, rule_without_trace
from schemagate.sql import Statement, statements


def one(text: str) -> Statement:
    (found,) = statements([text], "a.sql")
    return found


def ruled(text: str, flavour: str = "mysql") -> tuple[Rule, Rule]:
    """The rule of a statement, and where the schema looks the same before and after it."""
    found = one(text)
    return rule_of(found, found.kind, flavour), rule_without_trace(found, found.kind, flavour)


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE t (id INT)",
        "CREATE TABLE t SELECT 1",
        "ALTER TABLE t ADD COLUMN n INT",
        "RENAME TABLE a TO b",
        "DROP TABLE a",
        "DROP TABLE a, b",
        "CREATE VIEW v AS SELECT 1",
        "CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW IF NOT EXISTS (SELECT 1) THEN SET @a = 1; END IF",
        "CREATE PROCEDURE p() IF NOT EXISTS (SELECT 1) THEN SELECT 1; END IF",
        "CREATE INDEX i ON t (n)",
        "DROP INDEX i ON t",
    ],
)
def test_structure_is_seen(text: str) -> None:
    """And where it cannot be, though such a statement always leaves a trace, it was not run at all."""
    rule, without = ruled(text)
    assert (rule.kind, without.kind) == (SEEN, WITNESS if text.startswith("RENAME") else REPEAT)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("CREATE TABLE IF NOT EXISTS t (id INT)", REPEAT),
        ("DROP TABLE IF EXISTS a, b", REPEAT),
        ("DROP INDEX IF EXISTS i ON t", REPEAT),
        ("CREATE OR REPLACE VIEW v AS SELECT 1", REPEAT),
        ("CREATE OR REPLACE DEFINER=a@b PROCEDURE p() SELECT 1", REPEAT),
        ("CREATE DEFINER=`a`@`b` PROCEDURE IF NOT EXISTS p() SELECT 1", REPEAT),
        ("ALTER VIEW v AS SELECT 1", REPEAT),
        ("ALTER EVENT e DISABLE", REPEAT),
        ("CREATE OR REPLACE TABLE t (id INT)", WITNESS),
        ("CREATE OR REPLACE SEQUENCE s", REFUSE),
        ("ALTER SEQUENCE s RESTART 1", REFUSE),
        ("ALTER TABLE t FORCE", REPEAT),
        ("ALTER TABLE a.`t` ENGINE=InnoDB, ALGORITHM=INPLACE", REPEAT),
        ("ALTER TABLE t AUTO_INCREMENT = 100, COMMENT 'a, b'", REPEAT),
        ("ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4", REPEAT),
        ("ALTER TABLE t MODIFY n DECIMAL(10, 2), CHANGE COLUMN `a` a INT", REPEAT),
        ("ALTER TABLE t DROP INDEX i, ADD UNIQUE KEY i (n)", REPEAT),
        ("ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (id)", REPEAT),
        ("ALTER TABLE t ADD COLUMN IF NOT EXISTS n INT", REPEAT),
        ("/*!99999 ALTER TABLE t RENAME COLUMN a TO b */", REPEAT),
        ("ALTER TABLE t ORDER BY n", REPEAT),
        ("ALTER TABLE t REBUILD PARTITION p", REPEAT),
        ("ALTER TABLE IF EXISTS t DROP COLUMN n, ADD COLUMN n INT", REFUSE),
        ("ALTER TABLE t DROP COLUMN IF EXISTS n, ADD COLUMN IF NOT EXISTS n INT", REFUSE),
        ("ALTER TABLE t CHANGE a b INT, CHANGE b a INT", REFUSE),
        ("ALTER TABLE t RENAME COLUMN a TO b, RENAME COLUMN b TO a", REFUSE),
        ("ALTER TABLE t DISCARD TABLESPACE", REFUSE),
        ("ALTER TABLE t EXCHANGE PARTITION p WITH TABLE u", WITNESS),
        ("ALTER TABLE t TRUNCATE PARTITION p", WITNESS),
        ("RENAME TABLE a TO c, b TO a, c TO b", WITNESS),
    ],
)
def test_what_looks_the_same_afterwards_is_repeated_only_where_that_is_harmless(text: str, kind: str) -> None:
    """Else a row tells, or it is not begun."""
    assert ruled(text)[1].kind == kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("OPTIMIZE TABLE t", REPEAT),
        ("GRANT SELECT ON a.* TO b", REPEAT),
        ("SET GLOBAL max_connections = 5", REPEAT),
        ("SET GLOBAL max_connections = 5, sql_mode = ANSI, @@PERSIST.a = 1024 * (2 + 2), @b = 'it''s @@c'", REPEAT),
        ("SET PERSIST max_connections = DEFAULT", REPEAT),
        ("SET GLOBAL TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY", REPEAT),
        ("SET GLOBAL max_connections = @@GLOBAL.max_connections + 1", ASK),
        ("SET @@GLOBAL.max_connections := max_connections, @@GLOBAL.a = @@max_connections", ASK),
        ("SET PERSIST max_connections = @a", ASK),
        ("SET GLOBAL init_connect = CONCAT('a', 'b')", ASK),
        ("SET GLOBAL max_connections = (SELECT 5)", ASK),
        ("SET STATEMENT lock_wait_timeout = @@lock_wait_timeout FOR SET GLOBAL a = 1", ASK),
        ("SET DEFAULT ROLE r TO a@b", REPEAT),
        ("SET PASSWORD = 'x'", REPEAT),
        ("SET PASSWORD FOR a@b = PASSWORD('x')", REPEAT),
        ("SET PASSWORD FOR a@b = 'RETAIN'", REPEAT),
        ("SET PASSWORD FOR a@b = 'x' RETAIN CURRENT PASSWORD", ASK),
        ("SET PASSWORD = 'x' REPLACE 'y'", ASK),
        ("SET PASSWORD FOR a@b TO RANDOM", ASK),
        ("ALTER USER a@b IDENTIFIED BY 'x'", REPEAT),
        ("ALTER USER a@b IDENTIFIED BY 'x', c IDENTIFIED BY 'y' RETAIN CURRENT PASSWORD", ASK),
        ("ALTER USER a@b IDENTIFIED BY 'x' REPLACE 'y'", ASK),
        ("ALTER USER a@b IDENTIFIED WITH caching_sha2_password BY RANDOM PASSWORD", ASK),
        ("ALTER USER a@b IDENTIFIED BY 'x' PASSWORD HISTORY 3", ASK),
        ("ALTER USER a@b IDENTIFIED BY 'x' PASSWORD REUSE INTERVAL 3 DAY", ASK),
        ("ALTER USER a@b ADD 2 FACTOR IDENTIFIED BY 'x'", ASK),
        ("ALTER USER a@b PASSWORD HISTORY 3 PASSWORD REUSE INTERVAL 3 DAY", REPEAT),
        ("ALTER USER a@b DISCARD OLD PASSWORD", REPEAT),
        ("ALTER USER a@b ACCOUNT LOCK", REPEAT),
        ("ALTER TABLESPACE a RENAME TO b", ASK),
        ("ALTER RESOURCE GROUP a DISABLE", ASK),
        ("ALTER INSTANCE ROTATE INNODB MASTER KEY", ASK),
        ("ALTER LOGFILE GROUP a ADD UNDOFILE 'b' ENGINE=NDB", ASK),
        ("ALTER SERVER s OPTIONS (USER 'u')", ASK),
        ("CREATE SPATIAL REFERENCE SYSTEM 5 NAME 'a' DEFINITION 'b'", ASK),
        ("CREATE SPATIAL REFERENCE SYSTEM IF NOT EXISTS 5 NAME 'a' DEFINITION 'b'", REPEAT),
        ("CREATE OR REPLACE SPATIAL REFERENCE SYSTEM 5 NAME 'a' DEFINITION 'b'", REPEAT),
        ("SET @a = f()", ASK),
        ("SELECT MAX(id) INTO @a FROM t", REPEAT),
        ("SELECT f()", ASK),
        ("DO NEXTVAL(s)", ASK),
        ("DO SLEEP(1)", REPEAT),
        ("CREATE USER IF NOT EXISTS a", REPEAT),
        ("CREATE USER a", ASK),
        ("DROP ROLE IF EXISTS a", REPEAT),
        ("REVOKE SELECT ON a.* FROM b", ASK),
        ("REVOKE IF EXISTS SELECT ON a.* FROM b", REPEAT),
        ("CALL p()", ASK),
        ("EXECUTE p", ASK),
        ("BEGIN NOT ATOMIC SELECT 1; END", ASK),
        ("INSERT INTO myisam VALUES (1)", ASK),
        ("INSTALL PLUGIN a SONAME 'b'", ASK),
        ("CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (HOST 'h')", ASK),
        ("CREATE TABLE t ENGINE=MyISAM SELECT 1", ASK),
        ("CREATE TABLE t (id INT) ENGINE = InnoDB SELECT 1", SEEN),
        ("TRUNCATE t", WITNESS),
    ],
)
def test_what_is_not_structure_is_repeated_or_asked(text: str, kind: str) -> None:
    """Nothing in the schema tells of it."""
    assert ruled(text)[0].kind == kind


def test_mariadb_drops_one_by_one_and_replaces_in_two_steps() -> None:
    """MySQL does either as a whole, and has no CREATE OR REPLACE TABLE."""
    for text in (
        "DROP TABLE a, b",
        "DROP TABLE IF EXISTS a, b",
        "DROP VIEW a, b",
        "CREATE OR REPLACE TABLE t (id INT)",
    ):
        assert ruled(text, "mariadb")[0].kind == PARTS
    assert ruled("DROP TABLE a", "mariadb")[0].kind == SEEN
    assert ruled("DROP TABLE a, b", "mysql")[0].kind == SEEN


def test_set_statement_hides_nothing_of_what_it_is_for() -> None:
    """MariaDB's SET STATEMENT runs any other with variables of its own."""
    for text, kind in (("CREATE OR REPLACE TABLE t (id INT)", WITNESS), ("CREATE OR REPLACE SEQUENCE s", REFUSE)):
        given = f"SET STATEMENT lock_wait_timeout = 5 FOR {text}"
        assert ruled(given, "mariadb")[1].kind == ruled(text, "mariadb")[1].kind
        assert ruled(text)[1].kind == kind


def test_the_file_may_say_that_a_statement_may_be_repeated() -> None:
    """Whatever it is: who wrote it knows."""
    for text in ("CALL p()", "ALTER TABLE t DROP COLUMN n, ADD COLUMN n INT", "TRUNCATE t"):
        assert [rule.kind for rule in ruled(f"-- schemagate: repeatable\n{text}")] == [REPEAT, REPEAT]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("ALTER TABLE t DROP COLUMN n, ADD COLUMN m INT", REPEAT),
        ("ALTER TABLE t ADD COLUMN IF NOT EXISTS n INT, DROP COLUMN IF EXISTS m", REPEAT),
        ("ALTER TABLE t DROP n, ADD (m INT, `n` DECIMAL(4, 2))", REFUSE),
        ("ALTER TABLE t CHANGE n m INT, ADD n INT", REFUSE),
        ("ALTER TABLE t RENAME INDEX i TO j, RENAME INDEX j TO i", REPEAT),
        ("ALTER SEQUENCE s INCREMENT BY 5", REPEAT),
        ("CREATE EVENT e ON SCHEDULE AT NOW() DO SELECT 1", ASK),
        ("CREATE EVENT IF NOT EXISTS e ON SCHEDULE AT '2030-01-01' ON COMPLETION PRESERVE DO SELECT 1", ASK),
        ("ALTER EVENT e ON SCHEDULE AT NOW()", ASK),
        ("CREATE EVENT IF NOT EXISTS e ON SCHEDULE EVERY 1 DAY DO DELETE FROM t WHERE at < NOW()", REPEAT),
    ],
)
def test_names_decide_whether_a_column_may_be_lost(text: str, kind: str) -> None:
    """And the word AT whether an event is gone when it has run."""
    assert ruled(text)[1].kind == kind
