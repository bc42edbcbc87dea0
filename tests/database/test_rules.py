"""What the table of rules says of each statement is what the servers do."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pymysql
import pytest

from schemagate.rules import ASK, PARTS, REFUSE, REPEAT, WITNESS, rule_of, rule_without_trace
from schemagate.sql import Statement, statements
from tests.databases import Database, objects

MADE = """
CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, n INT, word VARCHAR(20) CHARACTER SET utf8mb4, KEY i (n));
INSERT INTO t VALUES (1, 10, 'one'), (2, 20, 'two');
CREATE TABLE u (id INT PRIMARY KEY, n INT) ENGINE=MyISAM;
CREATE VIEW v AS SELECT id FROM t;
CREATE PROCEDURE p() UPDATE t SET n = n + 1;
CREATE TRIGGER g BEFORE DELETE ON t FOR EACH ROW SET @a = 1;
CREATE EVENT e ON SCHEDULE EVERY 1 DAY DISABLE DO DELETE FROM t;
CREATE TABLE parts (id INT PRIMARY KEY) PARTITION BY RANGE (id) (PARTITION p VALUES LESS THAN (10), PARTITION q VALUES
    LESS THAN (20));
INSERT INTO parts VALUES (1), (11);
CREATE TABLE whole (id INT PRIMARY KEY);
INSERT INTO whole VALUES (5);
CREATE TABLE same (id INT PRIMARY KEY);
"""
ROWS = ("t", "u", "parts", "whole", "same")


def each(text: str) -> list[Statement]:
    return list(statements([text], "a.sql"))


@pytest.fixture
def made(database: Database) -> Database:
    database.run(*(statement.text for statement in each(MADE)))
    return database


def picture(database: Database) -> dict[str, Any]:
    """Structure and rows."""
    found: dict[str, Any] = {}
    with database.server.connect() as connection:
        for _, kind, name, how in objects(connection, database.name):
            found[f"{kind} {name}"] = how if kind in ("table", "view") else ""
        there = [name for name in ROWS if f"table {name}" in found]
    return found | {f"rows of {name}": database.rows(f"SELECT * FROM {name} ORDER BY 1") for name in there}


AGAIN = [
    "OPTIMIZE TABLE t",
    "ANALYZE TABLE t",
    "CHECK TABLE t",
    "REPAIR TABLE u",
    "CHECKSUM TABLE t",
    "FLUSH TABLES t",
    "SET SESSION sort_buffer_size = 300000",
    "SELECT MAX(id) INTO @a FROM t",
    "DO SLEEP(0)",
    "CREATE TABLE IF NOT EXISTS t (x INT)",
    "CREATE TABLE IF NOT EXISTS t SELECT 7 AS id",
    "DROP TABLE IF EXISTS nope, nor",
    "DROP VIEW IF EXISTS nope",
    "DROP PROCEDURE IF EXISTS nope",
    "CREATE OR REPLACE VIEW v AS SELECT id FROM t",
    "ALTER VIEW v AS SELECT id FROM t",
    "ALTER EVENT e DISABLE",
    "ALTER TABLE t FORCE",
    "ALTER TABLE t ENGINE=InnoDB",
    "ALTER TABLE t AUTO_INCREMENT = 100",
    "ALTER TABLE t COMMENT = 'a, b'",
    "ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4",
    "ALTER TABLE t MODIFY n INT, CHANGE word word VARCHAR(20) CHARACTER SET utf8mb4",
    "ALTER TABLE t DROP INDEX i, ADD INDEX i (n)",
    "ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (id)",
    "ALTER TABLE t ALTER COLUMN n SET DEFAULT NULL",
    "ALTER TABLE t ORDER BY n",
    "ALTER TABLE parts REBUILD PARTITION p",
]
AGAIN_ON_MARIADB = [
    "CREATE OR REPLACE PROCEDURE p() UPDATE t SET n = n + 1",
    "CREATE OR REPLACE TRIGGER g BEFORE DELETE ON t FOR EACH ROW SET @a = 1",
    "CREATE OR REPLACE INDEX i ON t (n)",
    "ALTER TABLE t ADD COLUMN IF NOT EXISTS n BIGINT",
    "ALTER TABLE t DROP COLUMN IF EXISTS nope",
    "DROP INDEX IF EXISTS nope ON t",
]


def test_what_is_repeated_leaves_the_same_a_second_time(made: Database) -> None:
    """Structure and rows, of all objects in the schema."""
    flavour = made.server.flavour
    for text in AGAIN + (AGAIN_ON_MARIADB if flavour == "mariadb" else []):
        (statement,) = each(text)
        assert rule_without_trace(statement, statement.kind, flavour).kind == REPEAT, text
        made.run(text)
        once = picture(made)
        made.run(text)
        assert picture(made) == once, text


def test_accounts_are_made_and_dropped_again_only_where_the_statement_says_so(made: Database) -> None:
    """GRANT and ALTER USER do the same again; CREATE, DROP and REVOKE fail the second time."""
    flavour, user = made.server.flavour, f"'{made.name}'@'%'"
    texts = [
        f"CREATE USER IF NOT EXISTS {user}",
        f"GRANT SELECT ON {made.name}.* TO {user}",
        f"ALTER USER {user} IDENTIFIED BY 'secret-enough-1'",
        f"REVOKE SELECT ON {made.name}.* FROM {user}",
        f"DROP USER {user}",
        f"DROP USER IF EXISTS {user}",
        f"CREATE USER {user}",
    ]
    try:
        for text in texts:
            (statement,) = each(text)
            made.run(text)
            if rule_of(statement, statement.kind, flavour).kind == REPEAT:
                made.run(text)
            else:
                assert rule_of(statement, statement.kind, flavour).kind == ASK, text
                with pytest.raises(pymysql.MySQLError):
                    made.run(text)
    finally:
        made.run(f"DROP USER IF EXISTS {user}")


OLD, NEW = "old-Enough.1", "new-Enough.2"


def may_log_in(database: Database, password: str) -> bool:
    """May the account that is called like the schema?"""
    try:
        pymysql.connect(
            host=database.server.host, port=database.server.port, user=database.name, password=password
        ).close()
    except pymysql.err.OperationalError:
        return False
    return True


def test_a_password_is_set_again_only_where_that_leaves_the_same_passwords(made: Database) -> None:
    """MySQL keeps the one before it, or refuses one that was there before, where the statement says so."""
    flavour, user = made.server.flavour, f"'{made.name}'@'%'"
    by_password = f"'{NEW}'" if flavour == "mysql" else f"PASSWORD('{NEW}')"
    texts = [f"ALTER USER {user} IDENTIFIED BY '{NEW}'", f"SET PASSWORD FOR {user} = {by_password}"]
    if flavour == "mysql":
        texts += [
            f"ALTER USER {user} IDENTIFIED BY '{NEW}' RETAIN CURRENT PASSWORD",
            f"SET PASSWORD FOR {user} = '{NEW}' RETAIN CURRENT PASSWORD",
            f"ALTER USER {user} IDENTIFIED BY '{NEW}' PASSWORD HISTORY 3",
            f"ALTER USER {user} IDENTIFIED BY '{NEW}' PASSWORD REUSE INTERVAL 3 DAY",
            f"ALTER USER {user} DISCARD OLD PASSWORD",
        ]
    try:
        for text in texts:
            made.run(f"DROP USER IF EXISTS {user}", f"CREATE USER {user} IDENTIFIED BY '{OLD}'")
            (statement,) = each(text)
            kind = rule_of(statement, statement.kind, flavour).kind
            made.run(text)
            once = [may_log_in(made, password) for password in (OLD, NEW)]
            with suppress(pymysql.MySQLError):
                made.run(text)
                once.append(True)
            same = once == [*(may_log_in(made, password) for password in (OLD, NEW)), True]
            assert kind == (REPEAT if same else ASK), text
    finally:
        made.run(f"DROP USER IF EXISTS {user}")


def test_a_setting_of_the_server_is_set_again_only_to_what_stands_there(made: Database) -> None:
    """What is made of its value grows with each run."""
    flavour, name = made.server.flavour, "max_connect_errors"
    before = made.value(f"SELECT @@GLOBAL.{name}")
    texts = [
        f"SET GLOBAL {name} = 1000",
        f"SET @@GLOBAL.{name} = 10 * (10 + 1)",
        f"SET GLOBAL {name} = DEFAULT",
        f"SET GLOBAL {name} = @@GLOBAL.{name} + 7",
        f"SET @@GLOBAL.{name} = (SELECT @@{name}) + 7",
    ]
    if flavour == "mysql":
        texts += [f"SET PERSIST {name} = 1000", f"SET PERSIST {name} = @@{name} + 7"]
    try:
        for text in texts:
            (statement,) = each(text)
            made.run(text)
            once = made.value(f"SELECT @@GLOBAL.{name}")
            made.run(text)
            same = once == made.value(f"SELECT @@GLOBAL.{name}")
            assert rule_of(statement, statement.kind, flavour).kind == (REPEAT if same else ASK), text
    finally:
        made.run(f"SET GLOBAL {name} = {before}")
        if flavour == "mysql":
            made.run(f"RESET PERSIST IF EXISTS {name}")


def test_a_tablespace_has_its_new_name_but_once(made: Database) -> None:
    """And the server says of the second time that there is no such tablespace: nobody is to mend the file for that."""
    space = f"{made.name}_space"
    text = f"ALTER TABLESPACE {space} RENAME TO {space}_new"
    (statement,) = each(text)
    for flavour in ("mysql", "mariadb"):
        assert rule_without_trace(statement, statement.kind, flavour).kind == ASK
    if made.server.flavour == "mariadb":
        with pytest.raises(pymysql.MySQLError):
            made.run(text)
        return
    made.run(f"CREATE TABLESPACE {space} ADD DATAFILE '{space}.ibd'")
    try:
        made.run(text)
        with pytest.raises(pymysql.MySQLError, match="doesn't exist"):
            made.run(text)
    finally:
        made.run(f"DROP TABLESPACE {space}_new")


NOT_AGAIN = [
    "TRUNCATE TABLE t",
    "RENAME TABLE whole TO x, same TO whole, x TO same",
    "ALTER TABLE parts EXCHANGE PARTITION p WITH TABLE whole",
    "ALTER TABLE parts TRUNCATE PARTITION p",
    "ALTER TABLE t DROP COLUMN word, ADD COLUMN word VARCHAR(20)",
    "CALL p()",
    "INSERT INTO u VALUES (1, 1) ON DUPLICATE KEY UPDATE n = n + 1",
]
NOT_AGAIN_ON_MARIADB = ["CREATE OR REPLACE TABLE same (id INT PRIMARY KEY)"]


def test_what_is_not_repeated_would_do_harm_a_second_time(made: Database) -> None:
    """Rows that came in between are gone, or back in the place of others."""
    flavour = made.server.flavour
    for text in NOT_AGAIN + (NOT_AGAIN_ON_MARIADB if flavour == "mariadb" else []):
        (statement,) = each(text)
        assert rule_without_trace(statement, statement.kind, flavour).kind in (WITNESS, REFUSE, ASK), text
        made.run(text)
        made.run(
            "REPLACE INTO t VALUES (3, 30, 'three')", "REPLACE INTO parts VALUES (3)", "REPLACE INTO same VALUES (6)"
        )
        once = picture(made)
        made.run(text)
        assert picture(made) != once, text


def test_a_drop_of_several_that_fails_has_dropped_some_on_mariadb_and_none_on_mysql(made: Database) -> None:
    """There, each is dropped for itself."""
    text, flavour = "DROP TABLE whole, nope, same", made.server.flavour
    (statement,) = each(text)
    with pytest.raises(pymysql.MySQLError):
        made.run(text)
    parts = rule_of(statement, statement.kind, flavour).kind == PARTS
    assert parts == (flavour == "mariadb")
    left = {name for kind, name in made.objects() if kind == "table"} & {"whole", "same"}
    assert left == (set() if parts else {"whole", "same"})


def test_a_table_that_is_replaced_is_gone_where_the_new_one_fails(made: Database) -> None:
    """On MariaDB; MySQL has no such statement."""
    text = "CREATE OR REPLACE TABLE same (id INT PRIMARY KEY) SELECT 1 AS id UNION ALL SELECT 1"
    (statement,) = each(text)
    with pytest.raises(pymysql.MySQLError) as caught:
        made.run(text)
    if made.server.flavour == "mysql":
        assert caught.value.args[0] == 1064
        return
    assert rule_of(statement, statement.kind, "mariadb").kind == PARTS
    assert ("table", "same") not in made.objects()


def test_rows_stay_where_a_statement_fails_that_no_transaction_takes_back(made: Database) -> None:
    """So that only a person can say what of it was done."""
    text = "INSERT INTO u VALUES (1, 1), (2, 2), (1, 3)"
    (statement,) = each(text)
    assert rule_of(statement, statement.kind, made.server.flavour).kind == ASK
    with pytest.raises(pymysql.MySQLError):
        made.run(text)
    assert made.value("SELECT COUNT(*) FROM u") == 2
