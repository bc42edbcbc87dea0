"""A start dies and its statement lives on in the server: the next start knows it from a living start's."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from schemagate.lock import alive_name, lock_name
from tests.crash.relay import Exchange, Relay
from tests.database.gate import Gate, last, said, until_said
from tests.database.world import Start, until
from tests.databases import Database

NUMBERS = "CREATE TABLE numbers (id INT PRIMARY KEY);\nINSERT INTO numbers VALUES " + ", ".join(
    f"({number})" for number in range(100)
)
# A statement that goes on with or without somebody who listens, and shows how far it came: each of its sleeps is too
# short for the server to look.
PROCEDURE = """;
CREATE TABLE slow (id INT PRIMARY KEY);
CREATE PROCEDURE fill(most INT) BEGIN
  DECLARE n INT DEFAULT 0;
  WHILE n < most DO
    INSERT INTO slow SELECT n + SLEEP(0.1);
    SET n = n + 1;
  END WHILE;
END;
"""
SLOW = "CALL fill({rows})"
WITHOUT_SHADOW: dict[str, Any] = {"SCHEMAGATE_SHADOW": "off"}  # in which it would be as slow


@pytest.fixture
def gate(database: Database, tmp_path: Path) -> Gate:
    """A schema that has a table of a hundred rows."""
    gate = Gate(database, tmp_path).write(a_numbers=NUMBERS + PROCEDURE)
    gate.run()
    database.may_leave_shadow = True
    return gate


def runs(database: Database, pattern: str) -> int | None:
    """The connection that runs a statement of this pattern in the schema."""
    rows = database.rows(
        "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = %s AND INFO LIKE %s AND ID <> CONNECTION_ID()",
        database.name,
        pattern,
    )
    return rows[0][0] if rows else None


def killed_during(gate: Gate, pattern: str, **variables: Any) -> Start:
    """A start that got kill -9 while such a statement ran."""
    start = gate.begin(**variables)
    until(lambda: runs(gate.database, pattern) is not None, f"{pattern} in\n{start.text}")
    start.process.kill()
    start.wait()
    return start


def tables(database: Database) -> set[str]:
    return {name for (name,) in database.rows("SHOW TABLES") if not name.startswith("schemagate_")}


def test_an_orphan_that_runs_is_waited_for(gate: Gate) -> None:
    """Longer than for a living start, since nobody could know before its end what it did; and it is said."""
    gate.write(b_slow=SLOW.format(rows=40))
    killed_during(gate, "INSERT INTO slow%", **WITHOUT_SHADOW)
    until(lambda: gate.database.value("SELECT IS_FREE_LOCK(%s)", alive_name(gate.database.name)) == 1, "its death")
    assert "is dead, and what it left in the server still runs" in last(gate.run("check", 23))["message"]
    second = gate.begin(SCHEMAGATE_LOCK_SECONDS="1", **WITHOUT_SHADOW)
    until_said(second, "lock.taken")
    assert gate.database.value("SELECT COUNT(*) FROM slow") == 40
    assert second.wait() == 31  # what a CALL did nobody can see; all else is settled
    waited = said(second, "orphan.waiting")[0]
    assert waited["statement"].startswith("INSERT INTO slow")
    assert waited["doing"] == "b_slow:1 call"
    assert not said(second, "orphan.killed")


def test_an_orphan_that_runs_is_killed_where_the_setting_says_so(gate: Gate) -> None:
    """The server takes back what it can."""
    gate.write(b_slow=SLOW.format(rows=200))
    killed_during(gate, "INSERT INTO slow%", **WITHOUT_SHADOW)
    began = time.monotonic()
    second = gate.begin(SCHEMAGATE_ORPHAN="kill", **WITHOUT_SHADOW)
    until_said(second, "lock.taken")
    assert time.monotonic() - began < 18
    assert gate.database.value("SELECT COUNT(*) FROM slow") < 200
    assert said(second, "orphan.killed")[0]["reason"] == "SCHEMAGATE_ORPHAN is kill"
    assert second.wait() == 31


def test_an_orphan_that_waits_for_a_table_is_killed(gate: Gate) -> None:
    """It would keep everybody from the table, and run when nobody expects it. (MariaDB may be faster than we.)"""
    database = gate.database
    gate.write(b_email="ALTER TABLE numbers ADD COLUMN email INT")
    with database.connect() as application, application.cursor() as cursor:
        cursor.execute("START TRANSACTION")
        cursor.execute("SELECT * FROM numbers")
        killed_during(gate, "ALTER TABLE numbers%", SCHEMAGATE_LOCK_WAIT_SECONDS="60")
        second = gate.begin(SCHEMAGATE_LOCK_WAIT_SECONDS="1", **WITHOUT_SHADOW)
        until_said(second, "lock.taken")
        killed = said(second, "orphan.killed")
        assert not database.rows("SHOW COLUMNS FROM numbers LIKE 'email'")
        assert killed or database.server.flavour == "mariadb"
        assert all("waits for a lock" in line["reason"] for line in killed)
        cursor.execute("COMMIT")
    assert second.wait() == 0, second.text
    assert database.rows("SHOW COLUMNS FROM numbers LIKE 'email'")


def test_a_living_start_that_waits_for_a_table_is_not_touched(gate: Gate) -> None:
    """In the list of processes it looks exactly like an orphan's."""
    database = gate.database
    gate.write(b_email="ALTER TABLE numbers ADD COLUMN email INT")
    with database.connect() as application, application.cursor() as cursor:
        cursor.execute("START TRANSACTION")
        cursor.execute("SELECT * FROM numbers")
        first = gate.begin(SCHEMAGATE_ORPHAN="kill")
        until(lambda: runs(database, "ALTER TABLE numbers%") is not None, "the wait")
        running = runs(database, "ALTER TABLE numbers%")
        second = gate.begin(SCHEMAGATE_ORPHAN="kill")
        until_said(second, "lock.waiting")
        time.sleep(3)
        assert runs(database, "ALTER TABLE numbers%") == running
        cursor.execute("COMMIT")
    assert (first.wait(), second.wait()) == (0, 0), second.text
    assert not said(second, "orphan.waiting")
    assert last(second)["applied"] == 0


def test_a_start_that_is_killed_while_it_waits_keeps_nobody_up(gate: Gate) -> None:
    """Its wait ends with it, and it has touched nothing."""
    gate.write(b_slow=SLOW.format(rows=30))
    first = gate.begin(**WITHOUT_SHADOW)
    until(lambda: runs(gate.database, "INSERT INTO slow%") is not None, "the statement")
    second = gate.begin(**WITHOUT_SHADOW)
    until_said(second, "lock.waiting")
    second.process.kill()
    second.wait()
    third = gate.begin(**WITHOUT_SHADOW)
    assert (first.wait(), third.wait()) == (0, 0), third.text
    assert not said(third, "orphan.waiting")
    assert gate.database.value("SELECT COUNT(*) FROM slow") == 30


def test_what_a_dead_start_was_rehearsing_is_ended(gate: Gate) -> None:
    """Nobody needs what it does, and it holds the shadow: the next start would have to go without a rehearsal."""
    gate.write(b_slow="CREATE TABLE more AS SELECT SLEEP(20) AS pause")
    database = gate.database
    rehearsal = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = %s AND INFO LIKE 'CREATE TABLE more%%'"
    first = gate.begin()
    until(lambda: database.value(rehearsal, database.shadow) == 1, "the rehearsal")
    first.process.kill()
    first.wait()
    gate.write(b_slow="CREATE TABLE more AS SELECT SLEEP(0) AS pause")
    second = gate.run(SCHEMAGATE_LOCK_WAIT_SECONDS="2")
    assert said(second, "rehearsal.passed")
    assert not said(second, "rehearsal.skipped")
    assert database.value(rehearsal, database.shadow) == 0


def test_who_holds_a_lock_by_hand_is_waited_for_and_left_alone(gate: Gate) -> None:
    """Either of the two: the journal knows of no start in that session. It is waited for as for a living start."""
    gate.write(b_more="CREATE TABLE more (id INT PRIMARY KEY)")
    database = gate.database
    for name in (lock_name(database.name), alive_name(database.name)):
        with database.connect() as somebody, somebody.cursor() as cursor:
            cursor.execute("SELECT GET_LOCK(%s, 0)", (name,))
            late = gate.run(expected=22, SCHEMAGATE_LOCK_SECONDS="3", SCHEMAGATE_ORPHAN="kill")
            assert said(late, "lock.waiting")
            assert not said(late, "orphan.killed")
            cursor.execute("SELECT RELEASE_LOCK(%s)", (name,))
            assert cursor.fetchall() == ((1,),)


def test_an_orphan_of_another_account_is_waited_for_as_a_living_start(gate: Gate) -> None:
    """The account cannot see what it does, and may not end it."""
    gate.write(b_slow=SLOW.format(rows=60))
    account = gate.database.account("ALL ON {database}.*")
    killed_during(gate, "INSERT INTO slow%", **WITHOUT_SHADOW)
    late = gate.run(expected=22, account=account, SCHEMAGATE_LOCK_SECONDS="1", SCHEMAGATE_ORPHAN="kill")
    assert not said(late, "orphan.killed")
    assert last(late)["doing"] == "b_slow:1 call"


def test_an_account_with_two_sessions_does_without_the_watch(gate: Gate) -> None:
    """Then an orphan of it cannot be told from a living start, and is waited for like one."""
    database = gate.database
    user, password = database.account("ALL ON {database}.*", "ALL ON {shadow}.*")
    database.run(f"ALTER USER '{user}'@'%' WITH MAX_USER_CONNECTIONS 2")
    gate.write(b_more="CREATE TABLE more (id INT PRIMARY KEY)")
    start = gate.run(account=(user, password))
    assert said(start, "rehearsal.passed")
    gate.write(c_slow=SLOW.format(rows=60))
    killed_during(gate, "INSERT INTO slow%", account=(user, password), **WITHOUT_SHADOW)
    late = gate.run(expected=22, SCHEMAGATE_LOCK_SECONDS="1", SCHEMAGATE_ORPHAN="kill")
    assert last(late)["doing"] == "c_slow:1 call"
    assert not said(late, "orphan.killed")


def test_a_watch_session_that_is_lost_is_replaced(gate: Gate) -> None:
    """An operator ends it, or a proxy: the start goes on, and still counts as living."""
    database = gate.database
    gate.write(b_slow=SLOW.format(rows=20), c_more="CREATE TABLE more (id INT PRIMARY KEY)")
    start = gate.begin(**WITHOUT_SHADOW)
    until(lambda: runs(database, "INSERT INTO slow%") is not None, "the statement")
    watch = database.value("SELECT IS_USED_LOCK(%s)", alive_name(database.name))
    assert watch != runs(database, "INSERT INTO slow%")
    database.run(f"KILL {watch}")
    assert start.wait() == 0, start.text
    assert not said(start, "start.resumed")
    assert tables(database) == {"numbers", "slow", "more"}


def test_a_watch_session_that_is_lost_at_once_is_no_proxy_that_mixes_servers(gate: Gate) -> None:
    """It is gone before the second session has looked for its lock: then the start begins anew."""
    gate.write(b_more="CREATE TABLE more (id INT PRIMARY KEY)")
    database, killed = gate.database, list[int]()

    def hook(relay: Relay, exchange: Exchange, moment: str) -> None:
        if exchange.text == "connect 0" and moment == "before" and not killed:
            watch = database.value("SELECT IS_USED_LOCK(%s)", alive_name(database.name))
            if watch is not None:
                killed.append(watch)
                database.run(f"KILL {watch}")

    with Relay(database.server.host, database.server.port, hook) as relay:
        way = {"MYSQL_HOST": relay.host, "MYSQL_PORT": str(relay.port), "SCHEMAGATE_TLS": "off"}
        start = gate.run(environment=way)
    assert killed
    assert said(start, "start.resumed")
    assert tables(database) == {"numbers", "slow", "more"}


def test_an_orphan_is_not_ended_while_its_start_may_have_no_room_to_say_that_it_lives(gate: Gate) -> None:
    """The account has so many sessions and no more, and others have taken them all."""
    account = gate.database.account("ALL ON {database}.*")
    gate.database.run(f"ALTER USER '{account[0]}'@'%' WITH MAX_USER_CONNECTIONS 4")
    gate.write(b_slow=SLOW.format(rows=150), c_more="CREATE TABLE more (id INT PRIMARY KEY)")
    killer: dict[str, Any] = {"SCHEMAGATE_ORPHAN": "kill", **WITHOUT_SHADOW}
    first = gate.begin(account=account, **killer)
    until(lambda: runs(gate.database, "INSERT INTO slow%") is not None, "the statement")
    others = [gate.begin(account=account, **killer) for _ in range(2)]
    for each in others:
        until_said(each, "lock.waiting")
    gate.database.run(f"KILL {gate.database.value('SELECT IS_USED_LOCK(%s)', alive_name(gate.database.name))}")
    assert [each.wait() for each in (first, *others)] == [0, 0, 0], "\n".join(each.text for each in (first, *others))
    assert not any(said(each, "orphan.killed") for each in others)
    assert gate.database.value("SELECT COUNT(*) FROM slow") == 150


def test_a_start_that_fills_a_table_is_waited_for_though_nobody_may_look_at_that(gate: Gate) -> None:
    """MariaDB answers no question about a schema while a table of it is being made from a query."""
    gate.write(b_slow="CREATE TABLE filled AS SELECT id, SLEEP(0.1) AS pause FROM numbers WHERE id < 60")
    first = gate.begin(**WITHOUT_SHADOW)
    until(lambda: runs(gate.database, "CREATE TABLE filled%") is not None, "the statement")
    impatient: dict[str, Any] = {"SCHEMAGATE_CONNECT_SECONDS": "1", "SCHEMAGATE_WAIT_SECONDS": "4"}
    second = gate.begin(**impatient, **WITHOUT_SHADOW)
    gate.run("status", **impatient)
    until_said(second, "lock.waiting")
    assert (first.wait(), second.wait()) == (0, 0), first.text + second.text
    assert last(second)["applied"] == 0


@pytest.mark.parametrize("pause", [0.0, 3.0])
def test_a_start_that_lost_its_watch_session_to_one_that_waited_is_not_taken_for_dead(gate: Gate, pause: float) -> None:
    """Somebody ended that session alone, and a new login may take some seconds: the statement of the living is waited
    for, and runs once.
    """
    gate.write(b_slow=SLOW.format(rows=60))
    server, slow = gate.database.server, threading.Event()

    def hook(relay: Relay, exchange: Exchange, moment: str) -> None:
        if slow.is_set() and moment == "before" and exchange.text == "connect 0":
            time.sleep(pause)

    with Relay(server.host, server.port, hook) as relay:
        way = {"MYSQL_HOST": relay.host, "MYSQL_PORT": str(relay.port), "SCHEMAGATE_TLS": "off"}
        first = gate.begin(environment=way, SCHEMAGATE_ORPHAN="kill", **WITHOUT_SHADOW)
        until(lambda: runs(gate.database, "INSERT INTO slow%") is not None, "the statement")
        second = gate.begin(SCHEMAGATE_ORPHAN="kill", **WITHOUT_SHADOW)
        until_said(second, "lock.waiting")
        slow.set()
        gate.database.run(f"KILL {gate.database.value('SELECT IS_USED_LOCK(%s)', alive_name(gate.database.name))}")
        assert (first.wait(), second.wait()) == (0, 0), first.text + second.text
    assert not said(second, "orphan.killed")
    assert gate.database.rows("SELECT COUNT(*), MAX(id) FROM slow") == ((60, 59),)


@pytest.mark.parametrize("command", ["up", "snapshot --check"])
def test_a_host_that_is_gone_without_a_word_keeps_nobody_up(gate: Gate, command: str) -> None:
    """Also before the journal has its start, or where it gets none: the lock itself says whose session it is."""
    gate.write(b_more="CREATE TABLE more (id INT PRIMARY KEY)")
    server, gone = gate.database.server, threading.Event()

    def hook(relay: Relay, exchange: Exchange, moment: str) -> None:
        if moment == "done" and not gone.is_set() and f"GET_LOCK('{lock_name(gate.database.name)}'," in exchange.text:
            relay.stall()
            gone.set()

    with Relay(server.host, server.port, hook) as relay:
        way = {"MYSQL_HOST": relay.host, "MYSQL_PORT": str(relay.port), "SCHEMAGATE_TLS": "off"}
        first = gate.begin(command, environment=way)
        assert gone.wait(20)
        first.process.kill()
        watch = gate.database.value("SELECT IS_USED_LOCK(%s)", alive_name(gate.database.name))
        gate.database.run(f"KILL {watch}")  # as the server does, after a minute
        second = gate.run(SCHEMAGATE_LOCK_SECONDS="30")
        assert "runs nothing" in said(second, "orphan.killed")[0]["reason"]
