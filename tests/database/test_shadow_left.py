"""What a start that died leaves of its shadow, and in it: the next one gets past it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from schemagate.lock import alive_name, shadow_lock_name
from schemagate.scratch import MARKER
from tests.crash.relay import Exchange, Relay
from tests.database.gate import Gate, said
from tests.database.world import Start, until
from tests.databases import Database

EVERYTHING = """CREATE TABLE parents (id INT PRIMARY KEY);
CREATE TABLE zebras (id INT PRIMARY KEY, parent_id INT, FOREIGN KEY (parent_id) REFERENCES parents (id));
CREATE VIEW some AS SELECT id FROM parents;
CREATE TRIGGER parents_in BEFORE INSERT ON parents FOR EACH ROW SET NEW.id = NEW.id + 1;
CREATE PROCEDURE p() SELECT 1;
CREATE FUNCTION f() RETURNS INT DETERMINISTIC RETURN 1;
CREATE EVENT e ON SCHEDULE EVERY 1 DAY DISABLE DO DELETE FROM parents;
"""
KINDS = {"table", "view", "procedure", "function", "event"}
MARIADB = """CREATE SEQUENCE s;
CREATE TABLE versions (id INT PRIMARY KEY) WITH SYSTEM VERSIONING;
"""


@pytest.fixture
def gate(database: Database, tmp_path: Path) -> Gate:
    gate = Gate(database, tmp_path).write(a_table="CREATE TABLE a (id INT PRIMARY KEY)")
    gate.run()
    return gate


def runs(gate: Gate, pattern: str) -> int:
    """The connections that run a statement of this pattern."""
    found: int = gate.database.value(
        "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE %s AND ID <> CONNECTION_ID()", pattern
    )
    return found


def through(relay: Relay) -> dict[str, str]:
    return {"MYSQL_HOST": relay.host, "MYSQL_PORT": str(relay.port), "SCHEMAGATE_TLS": "off"}


def test_the_marker_is_the_last_object_of_a_shadow(gate: Gate) -> None:
    """So a server that crashes while it drops the schema, table by table, leaves none of which nobody knows whose it
    is; and a session that is ended then, none that would show its programs in the next.
    """
    seen: list[set[tuple[str, str]]] = []

    def hook(_relay: Relay, exchange: Exchange, moment: str) -> None:
        if moment == "before" and "DROP " in exchange.text and gate.database.shadow in exchange.text:
            seen.append(gate.database.objects(gate.database.shadow))

    gate.write(b_all=EVERYTHING + (MARIADB if gate.database.server.flavour == "mariadb" else ""))
    with Relay(gate.database.server.host, gate.database.server.port, hook) as relay:
        assert said(gate.run(environment=through(relay)), "rehearsal.passed")
    assert {kind for kind, _ in seen[0]} >= KINDS, seen[0]
    assert seen[-1] == {("table", MARKER)}


def killed_while_it_drops(gate: Gate, others: threading.Thread) -> Start:
    """A start that got kill -9 while the server dropped an earlier shadow for it, and had to wait for others."""
    name = gate.database.shadow
    gate.database.run(
        f"CREATE DATABASE `{name}`",
        f"CREATE TABLE `{name}`.{MARKER} (of_schema VARCHAR(64) PRIMARY KEY) ENGINE=InnoDB",
        f"INSERT INTO `{name}`.{MARKER} VALUES ('{gate.database.name}')",
    )
    others.start()
    until(lambda: runs(gate, "CREATE TABLE%SLEEP%") == 1, "somebody in the shadow")
    start = gate.begin()
    until(lambda: runs(gate, f"DROP DATABASE `{name}`%") == 1, f"DROP DATABASE in\n{start.text}")
    start.process.kill()
    start.wait()
    return start


@pytest.mark.parametrize("seconds", [3, 8])
def test_what_a_dead_start_still_does_in_the_shadow_is_outlasted_or_ended(gate: Gate, seconds: int) -> None:
    """Else two would drop the same schema, or make it, and the one that is refused would do without."""
    gate.write(b_more="CREATE TABLE more (id INT PRIMARY KEY)")

    def hold() -> None:
        with gate.database.connect() as connection:
            held = f"CREATE TABLE `{gate.database.shadow}`.held AS SELECT SLEEP({seconds}) AS slept"
            connection.cursor().execute(held)

    others = threading.Thread(target=hold)
    killed_while_it_drops(gate, others)
    second = gate.begin()
    until(lambda: runs(gate, f"%GET_LOCK('{shadow_lock_name(gate.database.name)}'%") == 1, second.text)
    assert second.wait() == 0, second.text
    others.join()
    assert said(second, "rehearsal.passed"), second.text
    assert not said(second, "rehearsal.skipped")


def test_a_session_in_the_shadow_whose_host_is_gone_without_a_word_is_ended(gate: Gate) -> None:
    """It does nothing, and would hold the shadow until the server notices."""
    gate.write(b_more="CREATE TABLE more (id INT PRIMARY KEY)")
    database, gone = gate.database, threading.Event()

    def hook(relay: Relay, exchange: Exchange, moment: str) -> None:
        if moment == "done" and exchange.text.startswith(f"USE `{database.shadow}`") and not gone.is_set():
            relay.stall()
            gone.set()

    with Relay(database.server.host, database.server.port, hook) as relay:
        first = gate.begin(environment=through(relay))
        assert gone.wait(20)
        first.process.kill()
        holder = database.value("SELECT IS_USED_LOCK(%s)", shadow_lock_name(database.name))
        assert holder is not None
        database.run(f"KILL {database.value('SELECT IS_USED_LOCK(%s)', alive_name(database.name))}")  # after a minute
        second = gate.run(SCHEMAGATE_LOCK_SECONDS="30")
        assert said(second, "rehearsal.passed")
        assert not database.rows("SELECT 1 FROM information_schema.PROCESSLIST WHERE ID = %s", holder)


def test_a_session_in_the_shadow_that_cannot_be_ended_stops_a_start_with_its_number(gate: Gate) -> None:
    """It has the lock of those who work there, and belongs to another account."""
    gate.write(b_more="CREATE TABLE more (id INT PRIMARY KEY)")
    account = gate.database.account("ALL ON {database}.*", f"ALL ON `{gate.database.shadow}`.*")
    with gate.database.connect() as somebody, somebody.cursor() as cursor:
        cursor.execute("SELECT GET_LOCK(%s, 0), CONNECTION_ID()", (shadow_lock_name(gate.database.name),))
        ((_, number),) = cursor.fetchall()
        start = gate.run("up", 22, account=account)
    assert f"Connection {number} works in schema {gate.database.shadow}" in start.lines[-1]["message"]
    assert gate.run().lines[-1]["exit_code"] == 0
