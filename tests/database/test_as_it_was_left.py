"""What was changed by hand stops a start whose rows may come out otherwise for it, though what comes after hides it."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemagate.schema import compare
from tests.database.gate import Gate, last, said
from tests.database.schemas import read
from tests.databases import Database

TABLE = "CREATE TABLE t (id INT PRIMARY KEY, x INT DEFAULT 1, y INT, KEY k (y));\nINSERT INTO t VALUES (1, 1, 1);\n"
TRIGGER = "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.y = NEW.x * 10;\n"
OTHER = TRIGGER.replace("10", "7")
VIEW = "CREATE VIEW v AS SELECT id FROM t;\n"
INSERT = "INSERT INTO t (id) VALUES (3);\n"
SECOND = "CREATE TRIGGER h BEFORE INSERT ON t FOR EACH ROW SET NEW.y = NEW.y + 1;\n"
PARTS = (
    "CREATE TABLE t (id INT PRIMARY KEY) PARTITION BY RANGE (id) "
    "(PARTITION p VALUES LESS THAN (10), PARTITION q VALUES LESS THAN (100));\nINSERT INTO t VALUES (1), (20);\n"
)
REORGANIZED = (
    "ALTER TABLE t REORGANIZE PARTITION p, q INTO "
    "(PARTITION p VALUES LESS THAN (50), PARTITION q VALUES LESS THAN (100))"
)
# What is read is kept, and written when the view is another one.
REPLACED = "CREATE OR REPLACE VIEW v AS SELECT id, x FROM t;\n"
READ = (
    ("CREATE TABLE kept AS SELECT id FROM v;", "DROP TABLE kept;"),
    ("CREATE TEMPORARY TABLE kept AS SELECT id FROM v;", "INSERT INTO t (id) SELECT id + 50 FROM kept;"),
    ("SET @n = (SELECT MAX(id) FROM v);", "INSERT INTO t (id) VALUES (@n + 50);"),
    ("SELECT MAX(id) INTO @n FROM v;", "INSERT INTO t (id) VALUES (@n + 50);"),
)
RATE = "CREATE TABLE t (id INT PRIMARY KEY, rate DECIMAL(10, 4), word VARCHAR(9) COLLATE utf8mb4_bin);\n"


@pytest.mark.parametrize(
    ("built", "hand", "pending", "differs"),
    [
        (TABLE + TRIGGER, ("DROP TRIGGER g", OTHER), f"{INSERT}DROP TRIGGER g;\n{TRIGGER}", "trigger g"),
        (TABLE, (TRIGGER,), f"{INSERT}DROP TRIGGER IF EXISTS g;", "trigger g"),
        (TABLE, ("ALTER TABLE t ALTER x SET DEFAULT 5",), f"{INSERT}ALTER TABLE t DROP x;", "column x"),
        (
            TABLE,
            ("ALTER TABLE t DROP KEY k, ADD UNIQUE k (x)",),
            "INSERT IGNORE INTO t (id) VALUES (3);\nALTER TABLE t DROP KEY k;",
            "index k",
        ),
        (
            RATE,
            ("ALTER TABLE t MODIFY rate DECIMAL(10, 2)",),
            "INSERT INTO t VALUES (1, 1.2345, '');\nALTER TABLE t MODIFY rate DECIMAL(12, 4);",
            "column rate",
        ),
        (
            RATE,
            ("ALTER TABLE t MODIFY word VARCHAR(9) COLLATE utf8mb4_general_ci",),
            "DELETE FROM t WHERE word = 'A';\nALTER TABLE t MODIFY word VARCHAR(20) COLLATE utf8mb4_bin;",
            "column word",
        ),
        (
            f"{TABLE}CREATE PROCEDURE p() INSERT INTO t (id) VALUES (9);",
            ("DROP PROCEDURE p", "CREATE PROCEDURE p() INSERT INTO t (id) VALUES (7)"),
            "-- schemagate: no-structure\nCALL p();\nDROP PROCEDURE p;",
            "procedure p",
        ),
        (
            TABLE + VIEW,
            ("CREATE OR REPLACE VIEW v AS SELECT id FROM t WHERE id > 5",),
            "INSERT INTO t (id) SELECT id + 7 FROM v;\nCREATE OR REPLACE VIEW v AS SELECT id, x FROM t;",
            "view v",
        ),
        (
            TABLE + TRIGGER + VIEW,
            ("DROP TRIGGER g", "CREATE OR REPLACE VIEW v AS SELECT x AS id FROM t"),
            f"{INSERT}DROP TRIGGER IF EXISTS g;\nCREATE OR REPLACE VIEW v AS SELECT x FROM t;",
            "view v",
        ),
        (
            f"{TABLE}{TRIGGER}{SECOND}",
            ("DROP TRIGGER g", TRIGGER),
            f"{INSERT}DROP TRIGGER g;",
            "trigger",
        ),
        (
            TABLE,
            ("ALTER TABLE t MODIFY x INT DEFAULT 1 AFTER y",),
            "INSERT INTO t VALUES (3, 4, 5);\nALTER TABLE t DROP x;",
            "order of columns",
        ),
        (
            PARTS,
            (REORGANIZED,),
            "ALTER TABLE t DROP PARTITION p;",
            "partition",
        ),
        *(
            (TABLE + VIEW, ("CREATE OR REPLACE VIEW v AS SELECT 7 AS id",), f"{read}\n{REPLACED}{write}", "view v")
            for read, write in READ
        ),
    ],
)
def test_rows_are_not_changed_while_something_is_otherwise(
    database: Database, tmp_path: Path, built: str, hand: tuple[str, ...], pending: str, differs: str
) -> None:
    """It would be put right by what comes after them, and nobody would see any more that it had been."""
    gate = Gate(database, tmp_path).write(a=built)
    gate.run()
    gate.write(b=pending)
    gate.run("snapshot")
    database.run(*hand)
    hurt, rows = read(database), database.rows("SELECT * FROM t ORDER BY id")
    for words in ("up --dry-run", "up"):
        refused = last(gate.run(words, expected=32))
        assert differs in refused["message"]
        assert refused["state"] == "not touched"
    assert compare(hurt, read(database)) == ()
    assert database.rows("SELECT * FROM t ORDER BY id") == rows


@pytest.mark.parametrize(
    ("hand", "pending"),
    [
        # As it will be in the end: by hand first, and then with a file.
        ("ALTER TABLE t MODIFY y BIGINT", f"{INSERT}ALTER TABLE t MODIFY y BIGINT;"),
        # Put right before any row is changed.
        ("ALTER TABLE t MODIFY y BIGINT", f"ALTER TABLE t MODIFY y INT;\n{INSERT}ALTER TABLE t ADD z INT;"),
        # Nothing that rows care about.
        ("DROP INDEX k ON t", f"{INSERT}ALTER TABLE t ADD z INT;"),
        ("CREATE TABLE stranger (id INT)", f"{INSERT}ALTER TABLE t ADD z INT;"),
        ("ALTER TABLE t DROP KEY k, ADD KEY k (x)", f"{INSERT}ALTER TABLE t DROP KEY k;"),
    ],
)
def test_what_does_not_decide_stops_nobody(database: Database, tmp_path: Path, hand: str, pending: str) -> None:
    """A file may say what was done by hand before; and mend what was."""
    gate = Gate(database, tmp_path).write(a=TABLE)
    gate.run()
    gate.write(b=pending)
    database.run(hand)
    gate.run()
    assert database.rows("SELECT id FROM t ORDER BY id") == ((1,), (3,))


def test_a_start_between_the_change_and_the_release_does_not_hide_it(database: Database, tmp_path: Path) -> None:
    """Without a snapshot it compares names alone, and what it has seen is not what was built."""
    gate = Gate(database, tmp_path).write(a=TABLE + TRIGGER)
    gate.run()
    database.run("DROP TRIGGER g")
    gate.run()
    gate.write(b=f"{INSERT}DROP TRIGGER IF EXISTS g;")
    gate.run()
    assert database.rows("SELECT id, y FROM t ORDER BY id") == ((1, 1), (3, 10))


def test_a_trigger_of_somebody_else_is_none_of_a_repeatable_file_that_made_none(
    database: Database, tmp_path: Path
) -> None:
    """Though the file is to be run again, and nobody knows what it made last."""
    gate = Gate(database, tmp_path).write(a=TABLE, R_v="CREATE OR REPLACE VIEW v AS SELECT id FROM t;")
    gate.run()
    database.run(OTHER)
    gate.write(b=f"{INSERT}DROP TRIGGER IF EXISTS g;", R_v="CREATE OR REPLACE VIEW v AS SELECT x FROM t;")
    assert "trigger g" in last(gate.run(expected=32))["message"]
    assert database.rows("SELECT id FROM t") == ((1,),)


def test_a_statement_that_holds_others_may_change_rows(database: Database, tmp_path: Path) -> None:
    """MariaDB has them outside of programs."""
    if database.server.flavour == "mysql":
        inside = "INSERT INTO t (id) VALUES (3);"
    else:
        inside = "DELIMITER //\nIF 1 THEN INSERT INTO t (id) VALUES (3); END IF//\nDELIMITER ;"
    gate = Gate(database, tmp_path).write(a=TABLE + TRIGGER)
    gate.run()
    database.run("DROP TRIGGER g")
    gate.write(b=f"{inside}\nDROP TRIGGER IF EXISTS g;")
    gate.run()
    assert database.rows("SELECT id, y FROM t ORDER BY id") == ((1, 1), (3, 10))


def test_the_default_collation_of_the_schema_may_be_altered(database: Database, tmp_path: Path) -> None:
    """It is the operator's choice: programs keep the one under which they were made, tables too."""
    programs = f"{TRIGGER}CREATE PROCEDURE p(word VARCHAR(9)) SELECT word;\nCREATE FUNCTION f() RETURNS INT RETURN 1;"
    gate = Gate(database, tmp_path).write(a=TABLE + programs.replace("INT RETURN", "INT DETERMINISTIC RETURN"))
    gate.run("snapshot")
    gate.run()
    other = database.value("SELECT @@collation_database")
    database.run("ALTER DATABASE COLLATE utf8mb4_bin")
    assert said(gate.run(), "schema.verified")[0]["proof"] == "text"
    gate.write(b=f"{INSERT}DROP TRIGGER g;")
    database.run(f"ALTER DATABASE COLLATE {other}")  # as where snapshots are written
    gate.run("snapshot")
    database.run("ALTER DATABASE COLLATE utf8mb4_bin")
    gate.run()
    assert database.rows("SELECT id, y FROM t ORDER BY id") == ((1, 1), (3, 10))


def test_with_healing_off_no_row_is_changed_without_a_trigger(database: Database, tmp_path: Path) -> None:
    """It is not made again, and its rows are not made without it."""
    gate = Gate(database, tmp_path).write(a=TABLE + TRIGGER)
    gate.run()
    database.run("DROP TRIGGER g")
    gate.write(b=f"{INSERT}DROP TRIGGER IF EXISTS g;")
    assert last(gate.run(expected=32, SCHEMAGATE_HEAL="off"))["not_healed"] == "SCHEMAGATE_HEAL is off"
    assert database.rows("SELECT id FROM t") == ((1,),)


@pytest.mark.parametrize("asked", ["DO f();", "SELECT f();", "SET @a = f();"])
def test_a_function_may_change_rows(database: Database, tmp_path: Path, asked: str) -> None:
    """Its trigger is made again before it is asked, and not after that."""
    function = (
        "CREATE FUNCTION f() RETURNS INT MODIFIES SQL DATA BEGIN INSERT INTO t (id, x) VALUES (3, 3); RETURN 1; END"
    )
    gate = Gate(database, tmp_path).write(a=f"{TABLE}{TRIGGER}DELIMITER //\n{function}//\n")
    gate.run()
    database.run("DROP TRIGGER g")
    gate.write(b=f"{asked}\nDROP TRIGGER IF EXISTS g;")
    gate.run()
    assert database.rows("SELECT id, y FROM t ORDER BY id") == ((1, 1), (3, 30))


def test_a_trigger_of_a_repeatable_file_that_is_gone_stops_rows_that_come_before_it(
    database: Database, tmp_path: Path
) -> None:
    """What it did, nobody knows, where its file has changed; that there was one more, the journal does."""
    again = "DROP TRIGGER IF EXISTS {name};\nCREATE TRIGGER {name} {when} ON t FOR EACH ROW SET NEW.y = {value};\n"
    one = again.format(name="g", when="BEFORE INSERT", value=5)
    gate = Gate(database, tmp_path).write(a=TABLE, R_g=one)
    gate.run()
    database.run("CREATE TABLE stranger (id INT)")
    # One more trigger, beside a table that somebody else has made: nothing is missing.
    two = one + again.format(name="h", when="BEFORE UPDATE", value=6)
    gate.write(b=INSERT, R_g=two)
    gate.run()
    # Another name: nothing is missing, either.
    renamed = f"DROP TRIGGER IF EXISTS h;\n{one}" + again.format(name="i", when="BEFORE UPDATE", value=7)
    database.run("CREATE TABLE stranger_still (id INT)")
    gate.write(c="INSERT INTO t (id) VALUES (4);\nALTER TABLE t ADD z INT;", R_g=renamed)
    gate.run()
    database.run("DROP TRIGGER g")
    gate.write(d="INSERT INTO t (id) VALUES (5);\nALTER TABLE t ADD zz INT;", R_g=renamed.replace("7", "8"))
    assert "trigger g is missing" in last(gate.run(expected=32))["message"]
    database.run("CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.y = 5")
    assert said(gate.run(), "schema.healed") == []
    assert database.rows("SELECT id, y FROM t ORDER BY id") == ((1, 1), (3, 5), (4, 5), (5, 5))
