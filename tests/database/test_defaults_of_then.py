"""What is there keeps the collation that was the default when it was made: a schema gets another, a server is newer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from schemagate.server import SQL_MODE
from tests.database.gate import Gate, last
from tests.databases import Database

MADE = """CREATE TABLE c (id INT PRIMARY KEY, s VARCHAR(10), UNIQUE KEY (s));
CREATE TABLE o (id INT PRIMARY KEY, s VARCHAR(10));
CREATE TABLE named (id INT PRIMARY KEY, s VARCHAR(10)) COLLATE utf8mb4_unicode_ci;
CREATE VIEW v AS SELECT s FROM c;
CREATE TRIGGER t BEFORE INSERT ON c FOR EACH ROW SET NEW.s = UPPER(NEW.s);
CREATE FUNCTION f(x VARCHAR(5)) RETURNS VARCHAR(10) DETERMINISTIC RETURN x;
"""
RELEASES = (
    "CREATE TABLE z (id INT, s VARCHAR(10));",
    "ALTER TABLE o ADD COLUMN q VARCHAR(9), ADD KEY (q);",
    "CREATE VIEW w AS SELECT id FROM c; CREATE PROCEDURE p(x VARCHAR(3)) SELECT x;",
    "INSERT INTO c VALUES (9, 'q'); ALTER TABLE o ADD COLUMN r INT;",
)


def made(database: Database, folder: Path, collation: str) -> Gate:
    """A schema with this default in which the first migration was run; the snapshot is that of this moment."""
    database.run(f"ALTER DATABASE `{database.name}` COLLATE {collation}")
    gate = Gate(database, folder).write(a=MADE)
    gate.run("snapshot")
    gate.run()
    return gate


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("written", ["before", "afterwards"])
def test_a_schema_with_another_default_takes_the_next_release(
    database: Database, tmp_path: Path, release: str, written: str
) -> None:
    """Whenever its snapshot is written: what names no collation is as it was made, be it then or now."""
    gate = made(database, tmp_path, "utf8mb4_general_ci")
    gate.write(b=release)
    if written == "before":
        gate.run("snapshot")
    database.run(f"ALTER DATABASE `{database.name}` COLLATE utf8mb4_bin", "INSERT INTO o VALUES (1, 'x')")
    if written == "afterwards":
        _written_with(gate, "utf8mb4_general_ci")
    gate.run()
    gate.run("check")
    gate.run("diff live snapshot")
    database.run("DELETE FROM schemagate_verified")
    assert gate.begin("check").wait() in (0, 23)  # 23 where it takes a shadow to tell
    gate.run()


def _written_with(gate: Gate, collation: str) -> None:
    """The snapshot as somebody writes it whose schema has this default."""
    name = gate.database.name
    (today,) = gate.database.rows("SELECT @@collation_database")
    gate.database.run(f"ALTER DATABASE `{name}` COLLATE {collation}")
    gate.run("snapshot")
    gate.database.run(f"ALTER DATABASE `{name}` COLLATE {today[0]}")


@pytest.mark.parametrize(
    ("by_hand", "said"),
    [
        (("ALTER TABLE named CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",), "table named, option COLLATE"),
        (("ALTER TABLE o CONVERT TO CHARACTER SET latin1",), "table o, option COLLATE"),
        (("ALTER TABLE o MODIFY s VARCHAR(10) COLLATE utf8mb4_unicode_ci",), "table o, column s"),
        (("ALTER TABLE o MODIFY s VARCHAR(11)",), "table o, column s"),
    ],
    ids=["one that is named", "another character set", "a column", "a width"],
)
def test_any_other_collation_is_drift(database: Database, tmp_path: Path, by_hand: Sequence[str], said: str) -> None:
    """Neither that of then nor that of today, or one that a migration names."""
    gate = made(database, tmp_path, "utf8mb4_general_ci")
    database.run(f"ALTER DATABASE `{database.name}` COLLATE utf8mb4_bin", *by_hand)
    assert said in last(gate.run(expected=32))["message"]
    gate.run("diff live snapshot", expected=32)


def test_what_is_missing_is_made_again_under_another_default(database: Database, tmp_path: Path) -> None:
    """As it was for the rest."""
    gate = made(database, tmp_path, "utf8mb4_general_ci")
    database.run(
        f"ALTER DATABASE `{database.name}` COLLATE utf8mb4_bin",
        "DROP VIEW v",
        "DROP TRIGGER t",
        "ALTER TABLE c DROP KEY s",
    )
    gate.run()
    gate.run("diff live snapshot")
    gate.run("check")


def test_what_is_missing_is_made_before_a_release_that_changes_rows(database: Database, tmp_path: Path) -> None:
    """What was built so far is known with the default that it was made with, too."""
    gate = made(database, tmp_path, "utf8mb4_general_ci")
    gate.write(b="INSERT INTO c VALUES (1, 'x'); ALTER TABLE o ADD COLUMN r INT; CREATE VIEW w AS SELECT s FROM v;")
    gate.run("snapshot")
    database.run(f"ALTER DATABASE `{database.name}` COLLATE utf8mb4_bin", "DROP VIEW v", "DROP TRIGGER t")
    gate.run()
    gate.run("check")
    assert database.rows("SELECT s FROM w") == (("X",),)


def test_a_session_of_an_older_release_made_what_is_there(database: Database, tmp_path: Path) -> None:
    """MariaDB has had another collation with utf8mb4 from 11.5 on, and MySQL from 8.0 on."""
    gate = Gate(database, tmp_path).write(a=MADE)
    gate.run("snapshot")
    gate.run()
    database.run(
        "DROP VIEW v", "DROP TRIGGER t", f"SET sql_mode = '{SQL_MODE}'",
        "SET NAMES utf8mb4 COLLATE utf8mb4_general_ci", "CREATE VIEW v AS SELECT s FROM c",
        "CREATE TRIGGER t BEFORE INSERT ON c FOR EACH ROW SET NEW.s = UPPER(NEW.s)", "SET NAMES utf8mb4",
    )  # fmt: skip
    gate.run("check")
    gate.write(b="CREATE VIEW w AS SELECT id FROM c;")
    gate.run("snapshot")
    gate.run()
    made = "CREATE VIEW v AS SELECT s FROM c"
    database.run("DROP VIEW v", "SET NAMES utf8mb4 COLLATE utf8mb4_bin", made, "SET NAMES utf8mb4")
    assert "view v, collation_connection" in last(gate.run(expected=32))["message"]


def test_a_backup_in_a_schema_with_another_default_says_the_way_out(database: Database, tmp_path: Path) -> None:
    """Where the snapshot was written with a third one, nothing but the tables tells of the second."""
    gate = made(database, tmp_path, "utf8mb4_unicode_ci")
    _written_with(gate, "utf8mb4_general_ci")
    gate.run("check")
    database.run(f"ALTER DATABASE `{database.name}` COLLATE utf8mb4_bin", "DELETE FROM schemagate_verified")
    message = last(gate.run(expected=32))["message"]
    assert "If utf8mb4_unicode_ci is the default that they were made with" in message
    database.run(f"ALTER DATABASE `{database.name}` COLLATE utf8mb4_unicode_ci")
    gate.run()
