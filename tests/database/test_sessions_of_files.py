"""What a file sets in its session is of that file alone; and schemas are read in a session of our own."""

from __future__ import annotations

from pathlib import Path

from tests.database.gate import Gate, last
from tests.databases import Database

TABLE = "CREATE TABLE a (id INT PRIMARY KEY, at TIMESTAMP NOT NULL DEFAULT '2020-01-01 00:00:00');"
ZONE = "SET time_zone = '+05:00';\n"


def test_the_zone_that_the_last_file_leaves_is_not_the_one_that_schemas_are_read_in(
    database: Database, tmp_path: Path
) -> None:
    """Neither in a snapshot nor in a start, nor where a database is taken over."""
    gate = Gate(database, tmp_path).write(a=TABLE)
    gate.run("snapshot")
    gate.run()
    gate.write(b=f"{ZONE}ALTER TABLE a ADD COLUMN c INT;")
    gate.run("snapshot")
    assert "DEFAULT '2020-01-01 00:00:00'" in (gate.migrations / "schema.sql").read_text("utf-8")
    gate.run()
    gate.run("check")
    gate.run("diff live migrations")
    database.run("DROP TABLE schemagate_journal, schemagate_starts, schemagate_verified")
    gate.run()


def test_what_would_be_added_in_another_zone_is_refused_beforehand(database: Database, tmp_path: Path) -> None:
    """What the refusal says in its place is right."""
    gate = Gate(database, tmp_path).write(
        a="CREATE TABLE a (id INT PRIMARY KEY);",
        b=f"{ZONE}ALTER TABLE a ADD COLUMN at TIMESTAMP NOT NULL DEFAULT '2020-01-01 00:00:00';\n"
        "ALTER TABLE a ADD COLUMN z INT;",
    )
    gate.run("snapshot")
    database.run("CREATE TABLE a (id INT PRIMARY KEY, z INT)", "INSERT INTO a VALUES (1, 2)")
    refused = last(gate.run(expected=32))
    assert "its file sets a time zone" in refused["message"]
    assert database.rows("SHOW COLUMNS FROM a LIKE 'at'") == ()
    for each in refused["ddl"]:
        database.run(each["sql"])
    gate.run()
    gate.run("diff live snapshot")
    assert database.rows("SELECT at = '2019-12-31 19:00:00', z FROM a") == ((1, 2),)


def test_what_a_file_sets_is_put_back_in_the_shadow_as_well(database: Database, tmp_path: Path) -> None:
    """The next file begins as every file does: a snapshot says what a start makes."""
    gate = Gate(database, tmp_path).write(
        a="SET default_storage_engine = MyISAM, div_precision_increment = 9;\nCREATE TABLE a (id INT PRIMARY KEY);",
        b="CREATE TABLE b (id INT PRIMARY KEY);\nCREATE TABLE c AS SELECT 1 / 3 AS third;",
    )
    gate.run("snapshot")
    gate.run()
    gate.run("diff live migrations")
    engines = "SELECT engine FROM information_schema.tables WHERE table_schema = %s AND table_name IN ('a', 'b')"
    assert {engine for (engine,) in database.rows(engines, database.name)} == {"InnoDB", "MyISAM"}
