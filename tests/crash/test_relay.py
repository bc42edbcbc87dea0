"""The relay, the picture and the starts that the kill matrix trusts: they do what they say."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pymysql
import pytest

from schemagate.lock import lock_name
from tests.crash import picture, scene
from tests.crash.faults import Fault
from tests.crash.relay import Exchange, Relay
from tests.crash.scene import Scene, Wrong
from tests.crash.stage import Stage, stage
from tests.crash.stories import STORIES
from tests.database.world import until
from tests.databases import Database
from tests.reach import Server

if TYPE_CHECKING:
    from tests.reach import Connection


def through(server: Server, relay: Relay) -> Connection:
    return pymysql.connect(
        host=relay.host, port=relay.port, user=server.user, password=server.password, ssl_disabled=True, autocommit=True
    )


def test_a_conversation_passes_unchanged_and_is_counted(server: Server) -> None:
    """Long answers, several results, errors, two connections: what comes out is what went in."""
    with Relay(server.host, server.port) as relay:
        with contextlib.closing(through(server, relay)) as one, contextlib.closing(through(server, relay)) as two:
            before = len(relay.said)
            with one.cursor() as cursor, two.cursor() as other:
                cursor.execute("SELECT REPEAT('x', 300000), 1 UNION SELECT 'y', 2")
                assert [len(str(row[0])) for row in cursor.fetchall()] == [300000, 1]
                other.execute("SELECT 2")
                assert other.fetchall() == ((2,),)
                with pytest.raises(pymysql.err.ProgrammingError, match="nothing_there"):
                    cursor.execute("SELECT * FROM mysql.nothing_there")
                cursor.execute("DO 1")
        said = relay.said[before:]
    assert [each.number for each in relay.said] == list(range(len(relay.said)))
    assert [each.text for each in said][1:] == ["SELECT 2", "SELECT * FROM mysql.nothing_there", "DO 1"]


@pytest.mark.parametrize(("moment", "rows"), [("before", 0), ("sent", 1), ("done", 1), ("torn", 1), ("passed", 1)])
def test_a_connection_is_cut_where_it_is_asked_for(database: Database, moment: str, rows: int) -> None:
    """Before the server has the request nothing happens there; from then on it does, and the client cannot know."""
    database.run("CREATE TABLE t (id INT)")
    text = f"INSERT INTO {database.name}.t VALUES (1)"

    def cut(relay: Relay, exchange: Exchange, at: str) -> None:
        if exchange.text == text and at == moment:
            relay.drop()

    with (
        Relay(database.server.host, database.server.port, cut) as relay,
        contextlib.closing(through(database.server, relay)) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT CONNECTION_ID()")
        [[session]] = cursor.fetchall()
        if moment == "passed":
            cursor.execute(text)
        else:
            with pytest.raises(pymysql.err.OperationalError):
                cursor.execute(text)
        with pytest.raises(pymysql.err.Error):
            cursor.execute("SELECT 1")
    # A server that has a request works on it though its client is gone: it is done when the session has ended.
    there = f"SELECT COUNT(*) FROM information_schema.processlist WHERE id = {session}"
    until(lambda: database.value(there) == 0, "the end of the session")
    assert database.value("SELECT COUNT(*) FROM t") == rows


def test_a_picture_shows_every_kind_of_difference(database: Database) -> None:
    """Rows, columns, views, triggers, routines, events; and nothing of what a second look would change."""

    def now() -> picture.Picture:
        with contextlib.closing(database.server.connect()) as connection:
            return picture.take(connection, database.name)

    database.run("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, n INT)", "CREATE VIEW v AS SELECT id FROM t")
    seen = [now()]
    assert seen[0] == now()
    for statement in (
        "INSERT INTO t VALUES (1, 1)",
        "UPDATE t SET n = 2",
        "ALTER TABLE t ADD COLUMN more INT",
        "CREATE OR REPLACE VIEW v AS SELECT id, n FROM t",
        "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.n = 1",
        "CREATE PROCEDURE p() SELECT 1",
        "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DISABLE DO SELECT 1",
        "ALTER EVENT e COMMENT 'x'",
        "DROP PROCEDURE p",
    ):
        database.run(statement)
        seen.append(now())
        assert len(picture.differences(*seen[-2:])) in (1, 2), statement
    database.run("INSERT INTO t VALUES (9, 1, 1)", "DELETE FROM t WHERE id = 9")  # AUTO_INCREMENT alone differs
    assert now() == seen[-1]


STORY = STORIES["session"]
(CHAPTER,) = STORY.chapters


@contextlib.contextmanager
def told(here: Stage) -> Iterator[Scene]:
    """A scene in which the story was told without interruption."""
    with Scene(here.place, STORY) as made:
        made.prepare()
        made.turn_to(CHAPTER, None)
        made.undisturbed()
        yield made


def test_the_judge_sees_what_is_wrong(server: Server, tmp_path: Path) -> None:
    """A row too many, an entry in doubt, no proof: none of it is equal."""
    with stage(server, tmp_path) as here:
        expected = here.reference(STORY, CHAPTER).ends
        for damage, undone, says in (
            ("INSERT INTO tally VALUES ('twice', 1)", "DELETE FROM tally WHERE what = 'twice'", "rows of tally"),
            ("UPDATE schemagate_journal SET outcome = 'begun' WHERE ordinal = 2", "", "the journal has"),
            ("DELETE FROM schemagate_verified", "", "the proof was not remembered"),
        ):
            with told(here) as made:
                made.judge(expected)
                made.sql(damage)
                with pytest.raises(Wrong, match=says):
                    made.judge(expected)
                if undone:
                    made.sql(undone)
                    made.judge(expected)


def test_the_judge_sees_what_is_left(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shadow, a session in the schema, a lock: a start that ends leaves none of them."""
    monkeypatch.setattr(scene, "LEFT_SECONDS", 0.5)
    with stage(server, tmp_path) as here, told(here) as made:
        expected = here.reference(STORY, CHAPTER).ends
        made.judge(expected)
        with contextlib.closing(server.connect(made.name)), pytest.raises(Wrong, match="sessions or locks are left"):
            made.judge(expected)
        with contextlib.closing(server.connect()) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT GET_LOCK(%s, 0)", (lock_name(made.name),))
            with pytest.raises(Wrong, match="sessions or locks are left"):
                made.judge(expected)
        made.sql(f"CREATE DATABASE {made.shadow}")
        with pytest.raises(Wrong, match="the shadow is left"):
            made.judge(expected)


def test_a_point_that_is_not_reached_is_not_counted(server: Server, tmp_path: Path) -> None:
    """Else a fault that never came would be counted as one that was made good."""
    with stage(server, tmp_path) as here:
        assert _end(here, Fault("kill", "sent", 100_000)) == "missed"
        assert _end(here, Fault("kill", "before", "80_session:9")) != "missed"


def _end(here: Stage, fault: Fault) -> str:
    return here.run(STORY, CHAPTER.name, (fault,)).end
