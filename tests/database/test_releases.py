"""One repository, many servers: snapshots of another release, flavour or collation, and snapshots that are none."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from schemagate import snapshot as snapshots
from schemagate import verify
from schemagate.errors import MigrationInvalid
from schemagate.files import SNAPSHOT
from schemagate.schema import Schema
from tests.database.gate import Gate, last, said
from tests.databases import Database, picture

# Of each kind one that keeps the collation of the session, or the schema's default, in what it is made of.
SHOP = """
    CREATE TABLE customers (id INT UNSIGNED PRIMARY KEY, name VARCHAR(40) NOT NULL, facts JSON) DEFAULT CHARSET=utf8mb4;
    CREATE TABLE notes (id INT PRIMARY KEY, word TEXT,
        made DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
    CREATE VIEW named AS SELECT id, CONCAT(name, ' & co') AS name FROM customers WHERE name LIKE 'a%';
    CREATE TRIGGER trims BEFORE INSERT ON customers FOR EACH ROW SET NEW.name = TRIM(NEW.name);
    CREATE FUNCTION greeting(who VARCHAR(40)) RETURNS VARCHAR(60) DETERMINISTIC RETURN CONCAT('Hello ', who);
    CREATE PROCEDURE rename_all(IN suffix VARCHAR(9)) UPDATE customers SET name = CONCAT(name, suffix);
"""
DRIFTS = {
    "table": "ALTER TABLE customers MODIFY name VARCHAR(80) NOT NULL",
    "view": "DROP VIEW named",
    "trigger": "DROP TRIGGER trims",
    "function": "DROP FUNCTION greeting",
}


@pytest.fixture
def gate(database: Database, tmp_path: Path) -> Gate:
    return Gate(database, tmp_path)


def edit(gate: Gate, change: Callable[[str], str]) -> None:
    path = gate.migrations / SNAPSHOT
    text = path.read_text("utf-8")
    changed = change(text)
    assert changed != text
    path.write_text(changed, "utf-8")


def of_release(release: str) -> Callable[[str], str]:
    return lambda text: re.sub(r"(?m)^(-- server: +).*$", rf"\g<1>{release}", text)


def proven(gate: Gate) -> str:
    """How a start that looks at everything anew proves the schema."""
    gate.database.run("DELETE FROM schemagate_verified")
    proof: str = said(gate.run(), "schema.verified")[0]["proof"]
    return proof


def finds(gate: Gate, kinds: list[str]) -> None:
    """Real drift is seen, and told by what it is."""
    for kind in kinds:
        gate.database.run(DRIFTS[kind])
    start = gate.run(expected=32, SCHEMAGATE_HEAL="off")
    assert {difference["kind"] for difference in last(start)["differences"]} == set(kinds)


# --- another release, another flavour, another collation -------------------------------------------------------------


def test_a_snapshot_of_another_server_raises_no_alarm_and_hides_no_drift(gate: Gate) -> None:
    """Of an older release, whose text may differ without meaning anything else; and of the other flavour, where what
    the migrations build here is what counts.
    """
    flavour = gate.database.server.flavour
    gate.write(a_shop=SHOP).run()
    gate.run("snapshot")
    edit(gate, of_release("mysql 8.0.11" if flavour == "mysql" else "mariadb 10.6.18"))
    edit(gate, lambda text: re.sub("(?i)DEFAULT current_timestamp(\\(\\))?", "DEFAULT now()", text))
    assert proven(gate) == "shadow"
    finds(gate, ["table"])
    gate.database.run("ALTER TABLE customers MODIFY name VARCHAR(40) NOT NULL")
    edit(gate, of_release("mariadb 11.4.2" if flavour == "mysql" else "mysql 8.4.3"))
    assert proven(gate) == "replay"
    finds(gate, ["table", "trigger", "view", "function"])


def test_a_snapshot_from_where_another_collation_is_the_default_raises_no_alarm(gate: Gate, tmp_path: Path) -> None:
    """Neither for a database that has it already, nor for one that is made with it; and real drift is seen."""
    database, folder = gate.database, tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere = Gate(database, folder, gate.migrations)
    name = database.another()
    database.run(f"ALTER DATABASE `{name}` COLLATE utf8mb4_bin")
    gate.write(a_shop=SHOP)
    elsewhere.run(MYSQL_DATABASE=name)
    elsewhere.run("snapshot", MYSQL_DATABASE=name)
    assert "utf8mb4_bin" in (gate.migrations / SNAPSHOT).read_text("utf-8")
    fresh = gate.run()
    assert said(fresh, "schema.verified")
    assert proven(gate) in ("shadow", "replay")
    edit(gate, lambda text: text.replace("SET NAMES", "-- edited\nSET NAMES", 1))  # so that its head tells nothing
    assert proven(gate) in ("shadow", "replay")
    finds(gate, ["table", "trigger", "view", "function"])


def test_defaults_of_bytes_that_are_no_text_go_through_snapshots(gate: Gate) -> None:
    """MariaDB 10.11 prints them as they are, in text that is UTF-8 else."""
    gate.write(
        a_first="CREATE TABLE a (id INT PRIMARY KEY, b BINARY(2) DEFAULT X'00FF', c VARBINARY(9) DEFAULT X'FE80C3');"
    ).run()
    gate.run("snapshot")
    assert proven(gate) == "text"
    assert f"table {gate.database.name}.a" in picture(gate.database.server, [gate.database.name]).facts
    gate.database.run("ALTER TABLE a MODIFY b BINARY(2) DEFAULT X'00FE'")
    assert last(gate.run(expected=32))["differences"][0]["name"] == "a"


# --- snapshots that are none -----------------------------------------------------------------------------------------

WRONG: dict[str, tuple[Callable[[bytes], bytes], int]] = {
    "a flavour that nobody knows": (lambda text: re.sub(rb"server: +\w+", b"server: oracle", text), 3),
    "no version": (lambda text: re.sub(rb"(server: +\w+ ).*", rb"\1new", text), 3),
    "a checksum that is none": (lambda text: re.sub(rb"(body: +sha256 )\w+", rb"\1abc", text), 5),
    "more than a collation": (lambda text: re.sub(rb"(collation: +)(\w+)", rb"\1\2 READ ONLY = 1", text), 6),
    "NUL in its head": (lambda text: text.replace(b"Written", b"Wri\0tten", 1), 2),
    "NUL in its body": (lambda text: text.replace(b"SET NAMES", b"SET\0NAMES", 1), 8),
    "Latin-1": (lambda text: text.replace(b"SET NAMES", b"-- \xfc\nSET NAMES", 1), 8),
    "a statement that makes nothing": (lambda text: text.replace(b"SET NAMES", b"DO 1;\nSET NAMES", 1), 8),
    "half a trigger": (lambda text: text.replace(b"SET NAMES", b"CREATE TRIGGER t;\nSET NAMES", 1), 8),
    "a quote without end": (lambda text: text + b"'", -1),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_no_snapshot_is_one_clear_error(tmp_path: Path, what: str) -> None:
    """With file and line."""
    path, (change, line) = tmp_path / SNAPSHOT, WRONG[what]
    right = snapshots.render(
        Schema({}, frozenset(), "utf8mb4_bin"), flavour="mysql", version="9.7.4", migrations_sha256="0" * 64
    ).encode()
    changed = change(right)
    assert changed != right
    path.write_bytes(right)
    assert snapshots.parse(verify.text_of(str(path)), SNAPSHOT, {}).body_matches
    path.write_bytes(changed)
    with pytest.raises(MigrationInvalid) as refused:
        snapshots.parse(verify.text_of(str(path)), SNAPSHOT, {})
    line = line if line > 0 else right.count(b"\n") + 1
    assert refused.value.facts == {"file": SNAPSHOT, "line": line}
    assert SNAPSHOT in refused.value.message
    assert str(line) in refused.value.message


REACHING = (
    "CREATE TABLE {there}.t (id INT)",
    "CREATE TABLE `{there}` . `t` (id INT)",
    "CREATE TABLE IF NOT EXISTS {there}.t (id INT)",
    "CREATE TABLE /*!50000 {there}.*/ t (id INT)",
    "CREATE TABLE t LIKE {there}.x",
    "CREATE TABLE t (LIKE {there}.x)",
    "CREATE TABLE t AS SELECT * FROM {there}.x",
    "CREATE OR REPLACE VIEW {there}.v AS SELECT 1 AS one",
    "CREATE TRIGGER {there}.g BEFORE INSERT ON x FOR EACH ROW SET @a = 1",
    "CREATE TRIGGER g BEFORE INSERT ON {there}.x FOR EACH ROW SET @a = 1",
    "CREATE PROCEDURE {there}.p() SELECT 1",
    "CREATE DEFINER=event@`%` PROCEDURE {there}.p() SELECT 1",
    "CREATE FUNCTION {there}.f() RETURNS INT DETERMINISTIC RETURN 1",
    "CREATE FUNCTION f RETURNS STRING SONAME 'f.so'",
    "CREATE DEFINER=event@`%` EVENT {there}.e ON SCHEDULE EVERY 1 DAY DO DELETE FROM x",
    "CREATE EVENT {there}.e ON SCHEDULE EVERY 1 DAY DO DELETE FROM x",
    "DROP TABLE {there}.x",
    "INSERT INTO {there}.x VALUES (1)",
    "ALTER TABLE {there}.x ADD COLUMN n INT",
    "ALTER DATABASE {there} COLLATE utf8mb4_bin",
    "CREATE DATABASE {there}_more",
    "CREATE USER {there}@localhost",
)


def test_a_snapshot_makes_nothing_outside_the_shadow(gate: Gate) -> None:
    """A server writes no qualified name into what it makes: a snapshot that has one was not written by a server."""
    for text in REACHING:
        with pytest.raises(MigrationInvalid) as refused:
            snapshots.parse(f"SET NAMES utf8mb4;\n{text.format(there='other')};\n", SNAPSHOT, {})
        assert refused.value.facts == {"file": SNAPSHOT, "line": 2}, text
    there = gate.database.another()
    gate.database.run(f"CREATE TABLE `{there}`.x (id INT)")
    gate.write(a_first="CREATE TABLE x (id INT PRIMARY KEY);").run()
    (gate.migrations / SNAPSHOT).write_text(f"CREATE TABLE IF NOT EXISTS {there}.t (id INT);\n")
    assert last(gate.run(expected=11))["line"] == 1
    # What it may do: look elsewhere, in a view; be woken, in an event. Neither happens while it is compared.
    (gate.migrations / SNAPSHOT).write_text(
        f"CREATE TABLE x (id INT PRIMARY KEY); CREATE VIEW v AS SELECT id FROM {there}.x;\n"
        f"CREATE EVENT e ON SCHEDULE EVERY 1 SECOND DO INSERT INTO {there}.x VALUES (1);\n"
    )
    gate.run(expected=15)
    assert gate.database.objects(there) == {("table", "x")}
    assert gate.database.value(f"SELECT COUNT(*) FROM `{there}`.x") == 0


# --- writing it ------------------------------------------------------------------------------------------------------


def test_whoever_reads_a_snapshot_while_it_is_written_reads_a_whole_one(tmp_path: Path) -> None:
    """The old one or the new one, of any size."""
    path = tmp_path / SNAPSHOT
    texts = ["a" * 3_000_000, "b" * 3_000_000]
    snapshots.write(str(path), texts[0])
    ended = threading.Event()
    seen: list[str] = []

    def read() -> None:
        while not ended.is_set():
            seen.append(path.read_text("utf-8"))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for number in range(20):
            snapshots.write(str(path), texts[number % 2])
    finally:
        ended.set()
        reader.join()
    assert seen
    assert all(text in texts for text in seen)
    assert os.listdir(tmp_path) == [SNAPSHOT]


def test_a_snapshot_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    """And nothing beside it. Where it is a link, it stays one."""
    path, kept = tmp_path / SNAPSHOT, tmp_path / "kept"
    kept.write_text("the old one")
    path.symlink_to("kept")
    with pytest.raises(UnicodeEncodeError):
        snapshots.write(str(path), "half of it\n" * 100_000 + "\ud800")
    assert path.read_text() == "the old one"
    assert sorted(os.listdir(tmp_path)) == ["kept", SNAPSHOT]
    snapshots.write(str(path), "the new one\n")
    assert path.is_symlink()
    assert kept.read_bytes() == b"the new one\n"
    assert sorted(os.listdir(tmp_path)) == ["kept", SNAPSHOT]
