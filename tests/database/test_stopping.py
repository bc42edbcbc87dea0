"""SIGTERM in the middle of a statement: it gets its time, then it is broken off, and what is left is known."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from schemagate.lock import alive_name
from tests.database.gate import Gate, last, said
from tests.database.test_orphans import NUMBERS, WITHOUT_SHADOW, runs, tables
from tests.database.test_settling import killed
from tests.database.world import Start, private_database, until
from tests.databases import Database
from tests.instances import Instance
from tests.wire import Packet, RecordingProxy

SLOW = "CREATE TABLE slow AS SELECT id, SLEEP(0.1) AS pause FROM numbers WHERE id < {rows}"


@pytest.fixture
def gate(database: Database, tmp_path: Path) -> Gate:
    """A schema that has a table of a hundred rows."""
    gate = Gate(database, tmp_path).write(a_numbers=NUMBERS)
    gate.run()
    return gate


def stopped(gate: Gate, pattern: str, seconds: str) -> tuple[dict[str, object], float]:
    """The last line of a start that got SIGTERM while such a statement ran, and how long it went on after that."""
    start = gate.begin(SCHEMAGATE_STOP_SECONDS=seconds, **WITHOUT_SHADOW)
    until(lambda: runs(gate.database, pattern) is not None, pattern)
    start.process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    assert start.wait() == 143, start.text
    return dict(last(start)), time.monotonic() - began


def test_ddl_that_takes_too_long_is_broken_off(gate: Gate) -> None:
    """It is not applied, which is said; the next start runs it again."""
    gate.write(b_slow=f"CREATE TABLE first (id INT PRIMARY KEY);\n{SLOW.format(rows=100)}")
    line, took = stopped(gate, "CREATE TABLE slow%", "1")
    assert 0.9 < took < 5
    assert (line["ordinal"], line["state"]) == (2, "1 of 2 statements of this file are applied, this one is not")
    assert tables(gate.database) == {"numbers", "first"}
    outcomes = "SELECT ordinal, outcome FROM schemagate_journal WHERE migration = 'b_slow' ORDER BY id"
    assert gate.database.rows(outcomes) == ((1, "applied"), (2, "failed"))
    assert gate.database.rows("SELECT exit_code FROM schemagate_starts ORDER BY id DESC LIMIT 1") == ((143,),)
    gate.write(b_slow=f"CREATE TABLE first (id INT PRIMARY KEY);\n{SLOW.format(rows=2)}").run(**WITHOUT_SHADOW)
    assert gate.database.value("SELECT COUNT(*) FROM slow") == 2


RESOLVE = "resolve b_call:2 --applied"


def test_a_word_on_a_statement_in_doubt_is_not_written_after_a_signal(gate: Gate) -> None:
    """It came before anything was written: the statement is in doubt as before."""
    server = gate.database.server
    gate.write(b_call="CREATE PROCEDURE nothing() DO 0; CALL nothing();")
    gate.database.may_leave_shadow = True
    killed(gate, "CALL nothing()", done=True)

    def stop(packet: Packet) -> None:
        if b"INSERT INTO" in packet.payload and b".schemagate_starts " in packet.payload:
            until(lambda: bool(starts), "the start is known")
            starts[0].process.terminate()
            time.sleep(0.05)

    starts: list[Start] = []
    with RecordingProxy(server.host, server.port, before=stop) as proxy:
        starts.append(
            gate.begin(
                "resolve b_call:2 --applied", MYSQL_HOST=proxy.host, MYSQL_PORT=str(proxy.port), SCHEMAGATE_TLS="off"
            )
        )
        assert starts[0].wait() == 143, starts[0].text
    outcomes = "SELECT ordinal, outcome FROM schemagate_journal WHERE migration = 'b_call' ORDER BY id"
    assert gate.database.rows(outcomes) == ((1, "applied"), (2, "begun"))
    gate.run(RESOLVE)
    gate.run()


@pytest.mark.parametrize("command", ["snapshot", "diff migrations live", "baseline --detect --dry-run"])
@pytest.mark.parametrize("asked", [True, False], ids=["asked", "not-asked"])
def test_a_command_that_loses_its_connection_when_it_is_to_end_ends_as_it_was_asked(
    gate: Gate, command: str, asked: bool
) -> None:
    """And without a signal it says that the connection was lost."""
    server = gate.database.server
    if command.startswith("baseline"):
        gate.database.run("DROP TABLE schemagate_journal, schemagate_starts, schemagate_verified")
    gate.database.may_leave_shadow = True
    starts: list[Start] = []

    def cut(packet: Packet) -> None:
        if packet.payload.startswith(b"CREATE DATABASE"):
            until(lambda: bool(starts), "the start is known")
            if asked:
                starts[0].process.terminate()
                time.sleep(0.05)
            raise ConnectionError("cut")

    with RecordingProxy(server.host, server.port, before=cut) as proxy:
        starts.append(gate.begin(command, MYSQL_HOST=proxy.host, MYSQL_PORT=str(proxy.port), SCHEMAGATE_TLS="off"))
        assert starts[0].wait() == (143 if asked else 21), starts[0].text


def test_a_change_of_rows_that_takes_too_long_is_broken_off(gate: Gate) -> None:
    """What was applied before it stays, also what shares a transaction with it."""
    gate.write(
        b_rows="CREATE TABLE kept (id INT PRIMARY KEY);\nINSERT INTO kept VALUES (1000);\n"
        "INSERT INTO kept SELECT id + SLEEP(0.1) FROM numbers;"
    )
    line, took = stopped(gate, "INSERT INTO kept SELECT%", "0.5")
    assert 0.4 < took < 5
    assert (line["ordinal"], line["state"]) == (3, "2 of 3 statements of this file are applied, this one is not")
    assert gate.database.rows("SELECT id FROM kept") == ((1000,),)


def test_a_transaction_of_the_file_that_is_broken_off_is_taken_back(gate: Gate) -> None:
    """Whole, and the next start begins it anew."""
    gate.write(
        b_rows="CREATE TABLE kept (id INT PRIMARY KEY);\nSTART TRANSACTION;\nINSERT INTO kept VALUES (1000);\n"
        "INSERT INTO kept SELECT id + SLEEP(0.1) FROM numbers;\nCOMMIT;"
    )
    line, _ = stopped(gate, "INSERT INTO kept SELECT%", "0.5")
    assert line["state"] == "1 of 5 statements of this file are applied, this one is not"
    assert gate.database.rows("SELECT id FROM kept") == ()


def test_a_statement_that_ends_in_time_is_applied(gate: Gate) -> None:
    """And nothing is begun after it."""
    gate.write(b_slow=f"{SLOW.format(rows=15)};\nCREATE TABLE later (id INT PRIMARY KEY)")
    line, took = stopped(gate, "CREATE TABLE slow%", "20")
    assert took < 5
    assert line["ordinal"] == 2
    assert tables(gate.database) == {"numbers", "slow"}
    gate.run(**WITHOUT_SHADOW)
    assert tables(gate.database) == {"numbers", "slow", "later"}


def test_a_statement_that_waits_for_the_application_is_broken_off(gate: Gate) -> None:
    """An ALTER in the queue for a table leaves the queue."""
    gate.write(b_email="ALTER TABLE numbers ADD COLUMN email INT")
    with gate.database.connect() as application, application.cursor() as cursor:
        cursor.execute("START TRANSACTION")
        cursor.execute("SELECT * FROM numbers")
        line, took = stopped(gate, "ALTER TABLE numbers%", "0.5")
        assert took < 5
        assert line["ordinal"] == 1
        assert runs(gate.database, "ALTER TABLE numbers%") is None
    gate.run()


def test_a_look_at_rows_that_waits_for_the_application_is_broken_off(gate: Gate) -> None:
    """As before a TRUNCATE, whose only witnesses they are: nothing is begun then."""
    gate.write(b_less="TRUNCATE TABLE numbers")
    with gate.database.connect() as application, application.cursor() as cursor:
        cursor.execute("LOCK TABLES numbers WRITE")
        _, took = stopped(gate, "SELECT 1 FROM%numbers%", "0.5")
        assert took < 5
    assert gate.database.rows("SELECT 1 FROM schemagate_journal WHERE migration = 'b_less'") == ()
    gate.run()


def test_a_rehearsal_that_takes_too_long_is_broken_off(gate: Gate) -> None:
    """The shadow is gone then, and nothing was begun."""
    many = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT SUM(a.i * b.i * c.i)"
    gate.write(b_slow=f"CREATE TABLE slow AS {many} AS s FROM n a, n b, n c")
    database = gate.database
    rehearsals = "SELECT 1 FROM information_schema.PROCESSLIST WHERE DB = %s AND INFO LIKE 'CREATE TABLE slow%%'"
    start = gate.begin(SCHEMAGATE_STOP_SECONDS="1")
    until(lambda: bool(database.rows(rehearsals, database.shadow)), "the rehearsal")
    start.process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    assert start.wait() == 143, start.text
    assert 0.9 < time.monotonic() - began < 5
    assert "what was waited for ran on for too long" in str(last(start)["message"])
    assert database.rows("SELECT 1 FROM schemagate_journal WHERE migration = 'b_slow'") == ()
    assert not database.rows("SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s", database.shadow)


def test_a_look_at_the_rows_that_an_adoption_depends_on_is_broken_off(gate: Gate) -> None:
    """Somebody has locked the table whose rows are asked whether they allow what is to be added."""
    gate.database.run("DROP TABLE schemagate_journal, schemagate_starts, schemagate_verified")
    gate.write(b_unique="ALTER TABLE numbers ADD COLUMN a INT, ADD UNIQUE (id)")
    gate.database.run("ALTER TABLE numbers ADD COLUMN a INT")
    with gate.database.connect() as application, application.cursor() as cursor:
        cursor.execute("LOCK TABLES numbers WRITE")
        start = gate.begin(SCHEMAGATE_STOP_SECONDS="1", SCHEMAGATE_LOCK_WAIT_SECONDS="60")
        until(lambda: runs(gate.database, "SELECT%FROM%`numbers`%") is not None, "the look")
        start.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert start.wait() == 143, start.text
        assert time.monotonic() - began < 5
    gate.run()


def test_a_watch_session_that_was_lost_does_not_hold_up_the_end(gate: Gate) -> None:
    """It is replaced when it is needed, not at its next word."""
    gate.write(b_slow=SLOW.format(rows=100))
    start = gate.begin(SCHEMAGATE_STOP_SECONDS="1", **WITHOUT_SHADOW)
    until(lambda: runs(gate.database, "CREATE TABLE slow%") is not None, "the statement")
    gate.database.run(f"KILL {gate.database.value('SELECT IS_USED_LOCK(%s)', alive_name(gate.database.name))}")
    start.process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    assert start.wait() == 143, start.text
    assert time.monotonic() - began < 5
    assert tables(gate.database) == {"numbers"}


def test_a_server_that_says_nothing_does_not_hold_up_the_end(
    private_server: Callable[..., Instance], tmp_path: Path
) -> None:
    """Frozen, or behind a network that swallows everything: what became of the statement the next start finds out."""
    instance = private_server()
    gate = Gate(private_database(instance), tmp_path).write(a_numbers=NUMBERS)
    gate.run()
    gate.write(b_slow=f"{SLOW.format(rows=20)};\nCREATE TABLE later (id INT PRIMARY KEY)")
    start = gate.begin(SCHEMAGATE_STOP_SECONDS="1", **WITHOUT_SHADOW)
    until(lambda: runs(gate.database, "CREATE TABLE slow%") is not None, "the statement")
    assert instance.pid
    os.kill(instance.pid, signal.SIGSTOP)
    try:
        start.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert start.wait() == 143, start.text
        assert time.monotonic() - began < 10
    finally:
        os.kill(instance.pid, signal.SIGCONT)
    assert "after the connection was lost" in str(last(start)["message"])
    gate.run(**WITHOUT_SHADOW)
    assert tables(gate.database) == {"numbers", "slow", "later"}


def test_a_session_in_which_nothing_comes_through_does_not_hold_up_the_end(gate: Gate) -> None:
    """The server answers elsewhere, and says that it works on nothing there: what was sent has not arrived."""
    gate.write(b_more="CREATE TABLE more (id INT PRIMARY KEY);\nCREATE TABLE later (id INT PRIMARY KEY)")
    with silent(gate, b"CREATE TABLE more") as (there, swallowed):
        start = gate.begin(SCHEMAGATE_STOP_SECONDS="1", **there, **WITHOUT_SHADOW)
        assert swallowed.wait(20), start.text
        start.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert start.wait() == 143, start.text
        assert 5 < time.monotonic() - began < 10
    assert "after the connection was lost" in str(last(start)["message"])
    gate.run(**WITHOUT_SHADOW)
    assert tables(gate.database) == {"numbers", "more", "later"}


@pytest.mark.parametrize("command", ["up", "check", "diff live migrations"])
def test_what_only_reads_ends_at_once(gate: Gate, command: str) -> None:
    """There is nothing to bring to an end."""
    with silent(gate, b"SHOW CREATE TABLE") as (there, swallowed):
        start = gate.begin(command, **there)
        assert swallowed.wait(20), start.text
        start.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert start.wait() == 143, start.text
        assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("said_last", "at_most"),
    [
        (b"@@max_user_connections", 3),
        (b"GET_LOCK", 3),
        (b"TRANSACTION READ WRITE", 3),
        (b":alive')", 3),
        (b"CREATE DATABASE", 10),  # of the shadow: from here on somebody watches, and has to make sure
    ],
)
def test_before_its_turn_a_start_ends_at_once(gate: Gate, said_last: bytes, at_most: float) -> None:
    """Wherever it waits for a server that says nothing: nothing of its own is under way."""
    gate.write(b_more="ALTER TABLE numbers COMMENT 'more'")
    with silent(gate, said_last) as (there, swallowed):
        start = gate.begin(SCHEMAGATE_STOP_SECONDS="1", **there)
        assert swallowed.wait(20), start.text
        start.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert start.wait() == 143, start.text
        assert time.monotonic() - began < at_most
    gate.run()


def test_a_watch_session_that_cannot_be_replaced_holds_nobody_up(gate: Gate) -> None:
    """Neither the statement that is at work, which ends, nor the end of the start."""
    gate.write(b_slow=f"{SLOW.format(rows=30)};\nCREATE TABLE later (id INT PRIMARY KEY)")
    with silent(gate, b"SET SESSION wait_timeout = 60, lock_wait_timeout = 2", skip=1) as (there, swallowed):
        start = gate.begin(SCHEMAGATE_STOP_SECONDS="1", **there, **WITHOUT_SHADOW)
        until(lambda: runs(gate.database, "CREATE TABLE slow%") is not None, "the statement")
        gate.database.run(f"KILL {gate.database.value('SELECT IS_USED_LOCK(%s)', alive_name(gate.database.name))}")
        assert swallowed.wait(20), start.text
        assert start.wait() == 0, start.text
    assert tables(gate.database) == {"numbers", "slow", "later"}


@contextlib.contextmanager
def silent(gate: Gate, beginning: bytes, skip: int = 0) -> Iterator[tuple[dict[str, Any], threading.Event]]:
    """A way to the server in which one packet with this is swallowed, the first but so many: its settings, and whether
    it happened.
    """
    server, swallowed, over = gate.database.server, threading.Event(), threading.Event()
    seen: list[Packet] = []

    def before(packet: Packet) -> None:
        seen.extend([packet] * (beginning in packet.payload))
        if beginning in packet.payload and len(seen) > skip and not swallowed.is_set():
            swallowed.set()
            over.wait(60)
            raise ConnectionResetError

    with RecordingProxy(server.host, server.port, before=before) as proxy:
        try:
            yield {"MYSQL_HOST": proxy.host, "MYSQL_PORT": str(proxy.port), "SCHEMAGATE_TLS": "off"}, swallowed
        finally:
            over.set()


def test_a_journal_that_somebody_has_locked_does_not_hold_up_the_end(gate: Gate) -> None:
    """What became of the statement before is not written then, and the next start finds it out."""
    gate.write(b_two=f"{SLOW.format(rows=10)};\nCREATE TABLE later (id INT PRIMARY KEY)")
    with gate.database.connect() as application, application.cursor() as cursor:
        start = gate.begin(SCHEMAGATE_STOP_SECONDS="1")
        until(lambda: runs(gate.database, "CREATE TABLE slow%") is not None, "the statement")
        cursor.execute("LOCK TABLES schemagate_journal READ, schemagate_starts READ")
        until(lambda: runs(gate.database, "REPLACE INTO%") is not None, "the wait")
        start.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert start.wait() == 143, start.text
        assert 0.9 < time.monotonic() - began < 5
    assert "somebody holds a lock on schemagate's tables" in str(last(start)["message"])
    assert tables(gate.database) == {"numbers", "slow"}
    gate.run()
    assert tables(gate.database) == {"numbers", "slow", "later"}
    outcomes = "SELECT ordinal, outcome, note IS NULL FROM schemagate_journal WHERE migration = 'b_two' ORDER BY id"
    assert gate.database.rows(outcomes) == ((1, "applied", 0), (2, "applied", 1))


def test_a_statement_that_did_not_get_its_lock_is_not_tried_again(gate: Gate) -> None:
    """Nothing is begun any more, and it is as if it had never been."""
    gate.write(b_email="ALTER TABLE numbers ADD COLUMN email INT")
    with gate.database.connect() as application, application.cursor() as cursor:
        cursor.execute("START TRANSACTION")
        cursor.execute("SELECT * FROM numbers")
        start = gate.begin(SCHEMAGATE_LOCK_WAIT_SECONDS="2", **WITHOUT_SHADOW)
        until(lambda: runs(gate.database, "ALTER TABLE numbers%") is not None, "the wait")
        start.process.send_signal(signal.SIGTERM)
        assert start.wait() == 143, start.text
    assert not said(start, "statement.retried")
    assert last(start)["state"] == "0 of 1 statements of this file are applied, this one is not"
    gate.run()
