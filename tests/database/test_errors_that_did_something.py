"""A statement that ends with an error: what it has done is found by looking, and said as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.database.gate import Gate, last, said
from tests.databases import Database


@pytest.fixture
def gate(database: Database, tmp_path: Path) -> Gate:
    return Gate(database, tmp_path)


def newest(database: Database) -> tuple[object, ...]:
    """Ordinal, outcome, error and note of the newest entry."""
    return database.rows("SELECT ordinal, outcome, errno, note FROM schemagate_journal ORDER BY id DESC LIMIT 1")[0]


def tables(database: Database) -> set[str]:
    """The tables that are there, less ours."""
    return {name for kind, name in database.objects() if kind == "table" and not name.startswith("schemagate_")}


TABLES = "CREATE TABLE a (id INT PRIMARY KEY); CREATE TABLE b (id INT PRIMARY KEY);"


@pytest.mark.parametrize("first", [True, False], ids=["from-nothing", "on-tables"])
def test_a_drop_that_names_a_table_too_many_is_applied_where_the_others_are_gone(gate: Gate, first: bool) -> None:
    """MariaDB drops them and then says that one is not there; MySQL drops none."""
    if first:
        gate.write(a_first=f"{TABLES} DROP TABLE a, nope, b; CREATE TABLE c (id INT);")
    else:
        gate.write(a_first=TABLES).run()
        gate.write(b_second="DROP TABLE a, nope, b; CREATE TABLE c (id INT);")
    ordinal = 3 if first else 1
    start = gate.run(expected=30 if gate.database.server.flavour == "mysql" else 0, SCHEMAGATE_SHADOW="off")
    if gate.database.server.flavour == "mysql":
        assert tables(gate.database) == {"a", "b"}
        assert last(start)["state"].endswith("this one is not")
        assert newest(gate.database)[:3] == (ordinal, "failed", 1051)
    else:
        assert tables(gate.database) == {"c"}
        assert [line["errno"] for line in said(start, "statement.settled")] == [1051]
        entry = f"SELECT outcome, errno FROM schemagate_journal WHERE kind = 'drop table' AND ordinal = {ordinal}"
        assert gate.database.rows(entry) == (("applied", 1051),)


def test_a_drop_that_was_done_in_part_is_asked_about(gate: Gate) -> None:
    """MariaDB drops the tables before the one to which there is a foreign key; MySQL drops none."""
    parents = (
        "CREATE TABLE p (id INT PRIMARY KEY); CREATE TABLE k (id INT PRIMARY KEY, FOREIGN KEY (id) REFERENCES p (id));"
    )
    gate.write(a_first=TABLES + parents).run()
    gate.write(b_second="DROP TABLE a, p, b;")
    mysql = gate.database.server.flavour == "mysql"
    start = gate.run(expected=30 if mysql else 31, SCHEMAGATE_SHADOW="off")
    left = tables(gate.database)
    assert {"p", "k"} <= left
    if mysql:
        assert left == {"a", "b", "p", "k"}
        return
    assert left != {"a", "b", "p", "k"}
    assert newest(gate.database)[:2] == (1, "begun")
    facts = last(start)
    gone = ", ".join(f"table {name}" for name in sorted({"a", "b"} - left))
    assert f"table p; as after it: {gone}." in facts["message"]
    assert facts["errno"] == newest(gate.database)[2]
    assert {key for key, found in facts["found"].items() if found == "absent"} == {
        f"table {name}" for name in {"a", "b"} - left
    }
    again = gate.run(expected=31, SCHEMAGATE_SHADOW="off")
    assert last(again)["found"] == facts["found"]
    gate.run("resolve b_second:1 --not-applied")
    gate.write(b_second="DROP TABLE IF EXISTS a, b;")
    gate.run(SCHEMAGATE_SHADOW="off")
    assert tables(gate.database) == {"p", "k"}


def test_rows_that_cannot_be_taken_back_are_asked_about(gate: Gate) -> None:
    """A MyISAM table keeps the rows before the one that was refused: it would be refused again because of these."""
    gate.write(a_first="CREATE TABLE old (id INT PRIMARY KEY) ENGINE=MyISAM; INSERT INTO old VALUES (7);").run()
    gate.write(b_second="INSERT INTO old VALUES (1), (7), (3);")
    start = gate.run(expected=31)
    assert last(start)["errno"] == 1062
    assert "in doubt" in last(start)["state"]
    assert gate.database.rows("SELECT id FROM old ORDER BY id") == ((1,), (7,))
    assert newest(gate.database)[:3] == (1, "begun", 1062)
    gate.run(expected=31)
    gate.database.run("DELETE FROM old")
    gate.run("resolve b_second:1 --not-applied")
    gate.run()
    assert gate.database.value("SELECT COUNT(*) FROM old") == 3


def test_a_procedure_that_fails_on_the_way_is_asked_about(gate: Gate) -> None:
    """What it did before may be committed. One that is not there did nothing."""
    body = "BEGIN INSERT INTO a VALUES (1); SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no more'; END;"
    gate.write(a_first=f"{TABLES} CREATE PROCEDURE fills() {body}").run()
    gate.write(b_second="CALL is_not_there();")
    start = gate.run(expected=30)
    assert newest(gate.database)[:3] == (1, "failed", 1305)
    gate.write(b_second="CALL fills();")
    start = gate.run(expected=31)
    assert last(start)["errno"] == 1644
    assert newest(gate.database)[:3] == (1, "begun", 1644)


def test_rows_that_refuse_a_change_of_structure_leave_it_as_it_was(gate: Gate) -> None:
    """It worked in the shadow, where there are no rows; that nothing happened is seen, and not assumed."""
    gate.write(a_first="CREATE TABLE a (id INT PRIMARY KEY, n INT); INSERT INTO a VALUES (1, 5), (2, 5);").run()
    gate.write(b_second="CREATE UNIQUE INDEX by_n ON a (n);")
    start = gate.run(expected=30)
    assert newest(gate.database) == (1, "failed", 1062, "not applied: what it changes is as it was before")
    assert last(start)["state"] == "0 of 1 statements of this file are applied, this one is not"


def test_a_failure_on_an_empty_schema_is_looked_at_by_telling_the_start_again(gate: Gate) -> None:
    """In the shadow, where it fails as well: the schema is what the statements before it build."""
    gate.write(a_first=f"{TABLES} CREATE TABLE a (id INT);")
    gate.run(expected=30)
    assert newest(gate.database) == (
        3,
        "failed",
        1050,
        "not applied: the schema is as the migrations before it build it",
    )


def test_a_table_that_is_gone_because_it_could_not_be_replaced_is_said_to_be_gone(gate: Gate) -> None:
    """MariaDB drops the old one before it finds out that the new one cannot be made; MySQL has no such statement."""
    gate.write(a_first=TABLES).run()
    gate.write(b_second="CREATE OR REPLACE TABLE a (id INT, n INT AS (nope + 1));")
    mysql = gate.database.server.flavour == "mysql"
    start = gate.run(expected=30 if mysql else 31, SCHEMAGATE_SHADOW="off")
    assert tables(gate.database) == ({"a", "b"} if mysql else {"b"})
    assert ("has dropped the old table" in last(start)["message"]) is not mysql
    gate.write(b_second="CREATE OR REPLACE TABLE a (id INT);" if not mysql else "CREATE TABLE c (id INT);")
    if not mysql:
        gate.run("resolve b_second:1 --not-applied")
    gate.run(SCHEMAGATE_SHADOW="off")


def test_a_table_that_is_there_although_it_could_not_be_replaced_is_said_to_be_there(gate: Gate) -> None:
    """Nothing to be LIKE is found out before the old table is dropped: the statement has failed, and nothing else."""
    gate.write(a_first=TABLES).run()
    gate.write(b_second="CREATE OR REPLACE TABLE a LIKE nope;")
    gate.run(expected=30, SCHEMAGATE_SHADOW="off")
    assert tables(gate.database) == {"a", "b"}
    assert newest(gate.database)[1] == "failed"
