"""`up --dry-run` tells what `up` would do, with the same verdict, and changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from schemagate.schema import compare
from tests.database import field, shipped
from tests.database.gate import Gate, last, said
from tests.database.schemas import read
from tests.databases import Database

A = "CREATE TABLE a (id INT PRIMARY KEY, name VARCHAR(20));\nINSERT INTO a VALUES (1, 'one');"
B = "ALTER TABLE a ADD COLUMN size INT NOT NULL DEFAULT 0, ADD KEY by_name (name);\nUPDATE a SET size = 3;"


@pytest.fixture
def gate(database: Database, tmp_path: Path) -> Gate:
    """The program in front of a schema."""
    return Gate(database, tmp_path)


def told(gate: Gate, expected: int = 0, words: str = "up --dry-run", **environment: str) -> Mapping[str, Any]:
    """The last line of a start that changes nothing: no object, no row, none of ours either."""
    schema, rows = read(gate.database), field.rows(gate.database)
    start = gate.run(words, expected, environment=environment)
    assert compare(schema, read(gate.database)) == ()
    assert field.rows(gate.database) == rows
    return {**last(start), "planned": said(start, "migration.planned"), "lines": start.lines}


def test_an_empty_database(gate: Gate) -> None:
    """All that is to be run is tried in the shadow, and told; not even the journal is made."""
    gate.write(a=A, b=B)
    line = told(gate)
    assert line["message"] == "Nothing was changed. To be done: 2 migrations run (4 statements)"
    assert [(each["migration"], each["count"]) for each in line["planned"]] == [("a", 2), ("b", 2)]
    assert line["planned"][1]["statements"][1] == {"line": 2, "kind": "update", "statement": "UPDATE a SET size = 3"}
    assert gate.database.rows("SHOW TABLES") == ()


def test_what_is_pending(gate: Gate) -> None:
    """What was applied is not told; afterwards `up` does as much as was told."""
    gate.write(a=A).run()
    gate.write(b=B)
    starts = gate.database.value("SELECT COUNT(*) FROM schemagate_starts")
    line = told(gate)
    assert [each["migration"] for each in line["planned"]] == ["b"]
    assert gate.database.value("SELECT COUNT(*) FROM schemagate_starts") == starts
    assert last(gate.run())["applied"] == line["planned"][0]["count"]
    assert told(gate)["message"] == "Nothing was changed. To be done: nothing"


def test_what_would_not_work(gate: Gate) -> None:
    """The verdict is that of `up`, before its first statement."""
    gate.write(a=A, b="ALTER TABLE a DROP COLUMN nobody")
    assert told(gate, 14)["file"] == "b.sql"
    gate.write(b=B, c="CREATE TABLE c (id INT PRIMARY KEY").migrations.joinpath("c.sql").write_text("SELECT 'open")
    assert told(gate, 11)["file"] == "c.sql"


def test_a_database_that_somebody_else_migrated(gate: Gate) -> None:
    """What would be noted as applied, what would be added in its place, and what is left."""
    gate.write(a=A, b=B, c="CREATE TABLE c (id INT PRIMARY KEY);")
    gate.database.run("CREATE TABLE a (id INT PRIMARY KEY, name VARCHAR(20), KEY by_name (name))")
    line = told(gate)
    texts = [each["statement"] for migration in line["planned"] for each in migration["statements"]]
    assert any("size" in text and "by_name" not in text for text in texts)
    assert not any("UPDATE" in text for text in texts)
    gate.run()
    assert told(gate)["message"] == "Nothing was changed. To be done: nothing"


def test_the_shipped_database_halfway(gate: Gate) -> None:
    """Exactly after a migration: so many are noted, and the rest is run."""
    names = [path.stem for path in shipped.files()]
    gate.write(**{path.stem: path.read_text("utf-8") for path in shipped.files()})
    connection = shipped.session(gate.database)
    shipped.apply(connection, *shipped.files()[:5])
    connection.close()
    line = told(gate)
    assert str(line["message"]).startswith(
        f"Nothing was changed. To be done: 5 migrations noted as applied, {len(names) - 5}"
    )
    assert [each["migration"] for each in line["planned"]] == names[5:]


def test_what_is_missing(gate: Gate) -> None:
    """What `up` would heal is told; what it would not heal is its refusal."""
    gate.write(a=A, b=B).run("snapshot")
    gate.run()
    gate.database.run("ALTER TABLE a DROP KEY by_name")
    line = told(gate)
    assert line["message"] == "Nothing was changed. To be done: 1 missing object made again"
    assert any(each["event"] == "healing.planned" for each in line["lines"])
    assert "HEAL" in str(told(gate, 32, SCHEMAGATE_HEAL="off")["not_healed"])


def test_a_statement_in_doubt(gate: Gate) -> None:
    """`up` would settle it first, so nothing more can be told."""
    gate.write(a=A).run()
    gate.database.run("UPDATE schemagate_journal SET outcome = 'begun' WHERE ordinal = 1")
    assert told(gate, 31)["event"] == "statement.in_doubt"
    gate.write(a="CREATE TABLE IF NOT EXISTS a (id INT PRIMARY KEY, name VARCHAR(20));\n")
    gate.database.run("DELETE FROM schemagate_journal", "DELETE FROM schemagate_starts", "DROP TABLE a")
    gate.run()
    gate.database.run("UPDATE schemagate_journal SET outcome = 'begun'")
    assert "nothing left to do" in str(told(gate, 23)["message"])
    assert "nothing left to do" in str(told(gate, 23, "check")["message"])


def test_no_program_is_started_behind_it(gate: Gate) -> None:
    """There would be no schema for it."""
    gate.write(a=A)
    assert "--dry-run" in told(gate, 10, "up --dry-run -- true")["message"]


def test_the_values_of_placeholders_are_known_to_baseline(gate: Gate) -> None:
    """As to every other command."""
    gate.write(a="CREATE TABLE a (id INT PRIMARY KEY, name VARCHAR(20) DEFAULT '${NAME}');")
    gate.database.run("CREATE TABLE a (id INT PRIMARY KEY, name VARCHAR(20) DEFAULT 'shop')")
    gate.run("baseline --detect", SCHEMAGATE_VAR_NAME="shop")
    assert told(gate, SCHEMAGATE_VAR_NAME="shop")["message"] == "Nothing was changed. To be done: nothing"
