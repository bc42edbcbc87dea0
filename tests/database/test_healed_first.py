"""What is missing is made again before rows are changed that would come out otherwise without it."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemagate.migrations import KEPT_BYTES
from schemagate.schema import compare
from tests.database.gate import Gate, last, said
from tests.database.schemas import read
from tests.databases import Database

TABLE = "CREATE TABLE t (id INT PRIMARY KEY, x INT, y INT, UNIQUE u (x), KEY k (y));\nINSERT INTO t VALUES (1, 1, 1);"
TRIGGER = "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.y = NEW.x * 10;"
FAMILY = """
    CREATE TABLE p (id INT PRIMARY KEY);
    CREATE TABLE t (id INT PRIMARY KEY, p INT, CONSTRAINT f FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE);
    INSERT INTO p VALUES (1), (2);
    INSERT INTO t VALUES (1, 1), (2, 2);
"""
INSERT = "INSERT INTO t (id, x) VALUES (3, 3);"


@pytest.mark.parametrize("snapshot", [True, False])
@pytest.mark.parametrize(
    ("built", "missing", "pending", "rows"),
    [
        (TABLE + TRIGGER, "DROP TRIGGER g", INSERT, ((1, 1, 1), (3, 3, 30))),
        (TABLE + TRIGGER, "DROP TRIGGER g", f"{INSERT}\nDROP TRIGGER IF EXISTS g;", ((1, 1, 1), (3, 3, 30))),
        (TABLE, "DROP INDEX u ON t", "INSERT IGNORE INTO t VALUES (3, 1, 1);", ((1, 1, 1),)),
        (TABLE, "DROP INDEX u ON t", "REPLACE INTO t VALUES (3, 1, 1);", ((3, 1, 1),)),
        (FAMILY, "ALTER TABLE t DROP FOREIGN KEY f", "DELETE FROM p WHERE id = 1;", ((2, 2),)),
        (
            f"{TABLE}CREATE PROCEDURE more() UPDATE t SET y = y + 1;",
            "DROP PROCEDURE more",
            "-- schemagate: no-structure\nCALL more();",
            ((1, 1, 2),),
        ),
    ],
)
def test_rows_come_out_as_with_what_was_missing(
    database: Database,
    tmp_path: Path,
    built: str,
    missing: str,
    pending: str,
    rows: tuple[tuple[int, ...], ...],
    snapshot: bool,
) -> None:
    """A trigger, a unique index, a foreign key, a procedure; also where it is dropped behind that; and where there is
    no snapshot by which it would be missed in the end.
    """
    gate = Gate(database, tmp_path).write(a=built)
    gate.run()
    gate.write(b=pending)
    if snapshot:
        gate.run("snapshot")
    database.run(missing)
    assert len(said(gate.run("up --dry-run"), "healing.planned")[0]["missing"]) == 1
    assert len(said(gate.run(), "schema.healed")) == 1
    assert database.rows("SELECT * FROM t ORDER BY id") == rows
    gate.run("check")


def test_a_file_that_failed_is_gone_on_with_as_it_was_begun(database: Database, tmp_path: Path) -> None:
    """What its first statements built counts, too; and a repeatable one that has changed is in nobody's way."""
    gate = Gate(database, tmp_path).write(a=TABLE, R_g=f"DROP TRIGGER IF EXISTS g;\n{TRIGGER}")
    gate.run()
    gate.write(b="ALTER TABLE t ADD COLUMN z INT, ADD UNIQUE v (z);\nINSERT INTO t VALUES (1, 2, 2, 2);")
    gate.run(expected=30)
    gate.write(
        b="ALTER TABLE t ADD COLUMN z INT, ADD UNIQUE v (z);\nINSERT IGNORE INTO t VALUES (4, 4, 4, 7), (5, 5, 5, 7);",
        R_g=f"DROP TRIGGER IF EXISTS g;\n{TRIGGER.replace('10', '100')}",
    )
    gate.run("snapshot")
    database.run("DROP INDEX v ON t")
    assert [each["object"] for each in said(gate.run(), "schema.healed")] == ["index v of table t"]
    assert database.rows("SELECT id, y FROM t ORDER BY id") == ((1, 1), (4, 40))
    gate.run("check")


def test_where_nobody_can_tell_what_was_there_before_no_row_is_changed(database: Database, tmp_path: Path) -> None:
    """But for what lets the same rows in: that is healed afterwards. A long file is not kept in memory."""
    gate = Gate(database, tmp_path).write(a=TABLE)
    gate.run()
    long = f"SELECT 1 /* {'x' * KEPT_BYTES} */;\n"
    gate.write(b=f"{long}INSERT INTO t VALUES (1, 1, 1);")
    gate.run(expected=30)
    database.run("DROP INDEX u ON t", "DROP INDEX k ON t")
    gate.write(b=f"{long}INSERT IGNORE INTO t VALUES (3, 1, 1);")
    gate.run("snapshot")
    hurt = read(database)
    refused = last(gate.run(expected=32))
    assert "index u is missing" in refused["message"]
    assert refused["state"] == "not touched"
    assert compare(hurt, read(database)) == ()
    assert database.rows("SELECT * FROM t") == ((1, 1, 1),)
    database.run("ALTER TABLE t ADD UNIQUE u (x)")
    assert [each["object"] for each in said(gate.run(), "schema.healed")] == ["index k of table t"]
    assert database.rows("SELECT * FROM t") == ((1, 1, 1),)


def test_a_view_that_has_to_follow_is_named_with_its_file(database: Database, tmp_path: Path) -> None:
    """Nobody changed it by hand: its file has to change, to be run again."""
    gate = Gate(database, tmp_path).write(
        a="CREATE TABLE t (id INT);", R_v="CREATE OR REPLACE VIEW v AS SELECT * FROM t;"
    )
    gate.run("snapshot")
    gate.run()
    gate.write(b="ALTER TABLE t ADD COLUMN x INT;")
    gate.run("snapshot")
    assert "change R_v.sql, too, to be run again" in last(gate.run(expected=32))["message"]
    gate.write(R_v="CREATE OR REPLACE VIEW v AS /* with x */ SELECT * FROM t;")
    gate.run("snapshot")
    gate.run()


@pytest.mark.parametrize("release", ["ALTER TABLE audit ADD z INT;", "UPDATE audit SET id = id + 1;"])
def test_a_table_that_a_trigger_of_another_fills_is_rehearsed_with_that(
    database: Database, tmp_path: Path, release: str
) -> None:
    """The table that the trigger is on is copied, too; else there would be no rehearsal at all."""
    gate = Gate(database, tmp_path).write(
        a="CREATE TABLE orders (id INT PRIMARY KEY); CREATE TABLE audit (id INT, KEY k (id));"
        "CREATE TRIGGER t AFTER INSERT ON orders FOR EACH ROW INSERT INTO audit (id) VALUES (NEW.id);"
    )
    gate.run()
    gate.write(b=f"{release} ALTER TABLE audit DROP nonsense;")
    refused = gate.run(expected=14)
    assert not said(refused, "rehearsal.skipped")
    assert last(refused)["state"] == "not touched"
    database.run("ALTER TABLE audit DROP KEY k")
    gate.write(b=f"{release} ALTER TABLE audit DROP KEY k;")
    assert said(gate.run(), "schema.healed")


def test_triggers_are_put_back_in_their_order_before_a_release(database: Database, tmp_path: Path) -> None:
    """Each by those of its event that act beside it, whichever of them are there."""
    trigger = "CREATE TRIGGER {} BEFORE INSERT ON t FOR EACH ROW {} SET NEW.x = NEW.x * 10 + {};"
    gate = Gate(database, tmp_path).write(
        a="CREATE TABLE t (id INT PRIMARY KEY, x INT);"
        + trigger.format("t1", "", 1)
        + trigger.format("t2", "FOLLOWS t1", 2)
        + trigger.format("t3", "FOLLOWS t2", 3)
        + trigger.format("t0", "PRECEDES t1", 0)
    )
    gate.run()
    for at, gone in enumerate((["t1", "t2"], ["t0"], ["t3", "t0"], ["t0", "t1", "t2", "t3"])):
        database.run(*(f"DROP TRIGGER {each}" for each in gone))
        gate.write(**{f"b{at}": f"INSERT INTO t VALUES ({at}, 7);"})
        gate.run()
    assert database.rows("SELECT x FROM t") == ((70123,),) * 4


def test_a_trigger_behind_one_that_is_not_there_is_healed_with_that(database: Database, tmp_path: Path) -> None:
    """MariaDB says that by a number which is, on MySQL, that of a connection that was idle for too long."""
    trigger = "CREATE TRIGGER {} BEFORE INSERT ON t FOR EACH ROW {} SET NEW.x = 1;"
    gate = Gate(database, tmp_path).write(a="CREATE TABLE t (id INT PRIMARY KEY, x INT);" + trigger.format("t1", ""))
    gate.run()
    database.run("DROP TRIGGER t1")
    gate.write(b=trigger.format("t2", "FOLLOWS t1"))
    gate.run()
    gate.write(c=trigger.format("t3", "FOLLOWS nobody"))
    assert last(gate.run(expected=14))["errno"] in (3011, 4031)


def test_an_index_of_the_server_is_its_own_where_another_table_has_lost_one(database: Database, tmp_path: Path) -> None:
    """The copy in which healing is tried is as the live schema, table by table, as far as that can be had."""
    gate = Gate(database, tmp_path).write(
        a="CREATE TABLE p (id INT PRIMARY KEY, y INT, KEY xy (id, y));"
        "CREATE TABLE a (id INT PRIMARY KEY, m INT, FOREIGN KEY (m) REFERENCES p (id));"
        "CREATE TABLE b (id INT PRIMARY KEY, c INT, KEY kb (c), CONSTRAINT f FOREIGN KEY (c) REFERENCES p (id));"
    )
    gate.run("snapshot")
    gate.run()
    gone = ["ALTER TABLE b DROP KEY kb"] if database.server.flavour == "mariadb" else []  # MySQL keeps what a key needs
    checks = "SET SESSION foreign_key_checks = "
    database.run(f"{checks}0", "ALTER TABLE a DROP FOREIGN KEY a_ibfk_1", *gone, f"{checks}1")
    gate.run()
    gate.run("check")


def test_the_index_of_a_key_is_made_before_a_column(database: Database, tmp_path: Path) -> None:
    """MariaDB makes no column of a table in which a foreign key lacks its index."""
    gate = Gate(database, tmp_path).write(
        a="CREATE TABLE p (id INT PRIMARY KEY);"
        "CREATE TABLE c (id INT PRIMARY KEY, s VARCHAR(9), n INT, h INT AS (LENGTH(s)) STORED, UNIQUE KEY u (n),"
        "CONSTRAINT f FOREIGN KEY (n) REFERENCES p (id));"
    )
    gate.run("snapshot")
    gate.run()
    gone = ["ALTER TABLE c DROP KEY u"] if database.server.flavour == "mariadb" else []  # MySQL keeps what a key needs
    database.run("SET SESSION foreign_key_checks = 0", "ALTER TABLE c DROP COLUMN h", *gone)
    healed = said(gate.run(SCHEMAGATE_HEAL="all"), "schema.healed")
    assert [each["object"] for each in healed] == [*(["index u of table c"] if gone else []), "column h of table c"]
    gate.run("check")
