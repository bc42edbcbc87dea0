"""One repository, three servers: whichever of them wrote the snapshot, the schema verifies on each."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import servers_given
from tests.database.gate import Gate, last, said
from tests.database.shipped import MIGRATIONS
from tests.databases import VISITING, Database
from tests.reach import Server

NASTY = Path(__file__).resolve().parent / "nasty"
FOLDERS = {"shipped": MIGRATIONS, "nasty": NASTY}

Written = Callable[[str, Server], Path]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """The migrations of a folder, with the snapshot that a server writes for them: each is written once."""
    made: dict[tuple[str, str], Path] = {}

    def write(folder: str, server: Server) -> Path:
        if (folder, server.label) not in made:
            place = tmp_path_factory.mktemp(f"{folder}-{server.label}")
            copied = place / "migrations"
            shutil.copytree(FOLDERS[folder], copied, ignore=shutil.ignore_patterns("schema.sql", "*.md"))
            database = Database(server, f"{VISITING}{secrets.token_hex(4)}")
            try:
                Gate(database, place, copied).run("snapshot", SCHEMAGATE_SHADOW=f"{database.name}_shadow")
            finally:
                assert database.remove() == []
            made[folder, server.label] = copied
        return made[folder, server.label]

    return write


@pytest.mark.parametrize("writer", servers_given(), ids=lambda server: f"written-on-{server.label}")
@pytest.mark.parametrize("folder", FOLDERS)
def test_the_snapshot_of_any_server_is_right_on_each(
    database: Database, tmp_path: Path, written: Written, folder: str, writer: Server
) -> None:
    """For an empty schema, for one that is looked at anew, and for `diff`: no difference, and all was compared."""
    gate = Gate(database, tmp_path, written(folder, writer))
    assert said(gate.run(), "schema.verified")
    database.run("DELETE FROM schemagate_verified")
    again = gate.run()
    same = writer.flavour == database.server.flavour
    assert said(again, "schema.verified")[0]["proof"] in (("text", "shadow", "replay") if same else ("replay",))
    assert said(again, "schema.not_compared") == []
    for words in ("diff live snapshot", "diff snapshot migrations"):
        assert last(gate.run(words))["event"] == "start.finished"


@pytest.mark.parametrize("writer", servers_given(), ids=lambda server: f"written-on-{server.label}")
def test_a_change_that_no_outline_shows_is_not_verified_by_those_who_only_look(
    database: Database, tmp_path: Path, written: Written, writer: Server
) -> None:
    """A start has proven more than they can: where it is not as it was then, they cannot say that it is right."""
    gate = Gate(database, tmp_path, written("nasty", writer))
    gate.run()
    gate.run("check")
    trigger, event, table, *_ = database.rows("SHOW TRIGGERS")[0]
    database.run(
        f"DROP TRIGGER {trigger}", f"CREATE TRIGGER {trigger} BEFORE {event} ON {table} FOR EACH ROW SET @a = 1"
    )
    other = writer.label != database.server.label
    ended = gate.run("check", expected=23 if other else 32)
    assert not other or "Something has changed since a start has proven" in last(ended)["message"]
    gate.run(expected=32)
    ended = gate.run("check", expected=23 if other else 32)
    assert not other or "The last start has not proven the schema" in last(ended)["message"]
    gate.run("check", SCHEMAGATE_SHADOW="off", expected=32 if not other else 0)
    gate.run(SCHEMAGATE_SHADOW="off", expected=32 if not other else 0)
    gate.run(expected=32)  # what no shadow has seen is no proof to who may use one


def test_the_nasty_schema_has_what_both_flavours_can_express(
    database: Database, tmp_path: Path, written: Written
) -> None:
    """Of every kind something, and rows that the changes kept; one change by hand, and it is found."""
    gate = Gate(database, tmp_path, written("nasty", database.server))
    gate.run()
    kinds = {kind for kind, _ in database.objects()}
    assert kinds == {"table", "view", "trigger", "procedure", "function", "event"}
    rows = database.rows("SELECT id, parent, name, code, flags, state, HEX(token) FROM makers ORDER BY id")
    assert rows == (
        (1, None, "Ünïcode & co.", "uni-co", "new", ")", "00FF7F80"), (2, 1, "日本", "nippon", "new", ")", "00FF7F80"),
    )  # fmt: skip
    database.run("ALTER TABLE makers MODIFY token BINARY(4) NOT NULL DEFAULT X'00FF7F81'")
    (found,) = last(gate.run(expected=32))["differences"]
    assert (found["name"], found["part"]) == ("makers", "column token")
