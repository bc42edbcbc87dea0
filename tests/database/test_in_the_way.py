"""Somebody is in the way: a start waits, or says so, and nothing that it knows is lost."""

from __future__ import annotations

import time
from pathlib import Path

from schemagate.lock import alive_name
from tests.database.gate import Gate
from tests.database.world import until
from tests.databases import Database

SLOW = "CREATE TABLE a (id INT PRIMARY KEY); DO SLEEP(2); CREATE TABLE b (id INT PRIMARY KEY);"


def running(database: Database) -> bool:
    return bool(database.value("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE 'DO SLEEP%'"))


def test_a_backup_that_locks_the_journal_is_waited_for(database: Database, tmp_path: Path) -> None:
    """As mysqldump does it without --single-transaction: the outcome of what ran meanwhile is not lost."""
    gate = Gate(database, tmp_path).write(**{"1_slow": SLOW})
    start = gate.begin(SCHEMAGATE_LOCK_WAIT_SECONDS="1")
    until(lambda: running(database), "the slow statement")
    with database.connect() as backup, backup.cursor() as cursor:
        cursor.execute("LOCK TABLES schemagate_journal READ")
        until(lambda: not running(database), "its end")
        time.sleep(1.5)  # longer than one attempt to write waits
        cursor.execute("UNLOCK TABLES")
    assert start.wait() == 0, start.text
    outcomes = database.rows("SELECT ordinal, outcome FROM schemagate_journal ORDER BY id")
    assert outcomes == ((1, "applied"), (2, "applied"), (3, "applied"))


def test_a_journal_that_stays_locked_ends_the_start_with_the_reason(database: Database, tmp_path: Path) -> None:
    """Neither in a crash nor for ever: 22 while it writes what it did, 20 where it has not begun."""
    gate = Gate(database, tmp_path).write(**{"1_slow": SLOW})
    start = gate.begin(SCHEMAGATE_LOCK_WAIT_SECONDS="1", SCHEMAGATE_LOCK_SECONDS="1")
    until(lambda: running(database), "the slow statement")
    with database.connect() as backup, backup.cursor() as cursor:
        cursor.execute("LOCK TABLES schemagate_journal READ, schemagate_starts READ")
        assert start.wait() == 22, start.text
        assert "somebody holds a lock on schemagate_journal" in start.lines[-1]["message"]
        late = gate.run("up", 20, SCHEMAGATE_LOCK_WAIT_SECONDS="1")
        assert "See who is in the way" in late.lines[-1]["message"]


def test_a_command_that_only_reads_does_not_wait_for_ever(database: Database, tmp_path: Path) -> None:
    """The server's own patience is a year."""
    gate = Gate(database, tmp_path).write(**{"1_a": "CREATE TABLE a (id INT PRIMARY KEY)"})
    gate.run()
    gate.write(**{"2_b": "CREATE TABLE b (id INT PRIMARY KEY)"})
    with database.connect() as somebody, somebody.cursor() as cursor:
        cursor.execute("LOCK TABLES schemagate_journal WRITE")
        for command in ("check", "status"):
            late = gate.run(command, 20, SCHEMAGATE_LOCK_WAIT_SECONDS="1")
            assert "See who is in the way" in late.lines[-1]["message"]


def test_a_lock_on_the_list_of_starts_ends_no_wait_for_another(database: Database, tmp_path: Path) -> None:
    """Then nobody knows who that is; and he is waited for all the same."""
    gate = Gate(database, tmp_path).write(**{"1_a": "CREATE TABLE a (id INT PRIMARY KEY)"})
    gate.run()
    gate.write(**{"2_b": "CREATE TABLE b (id INT PRIMARY KEY)"})
    with database.connect() as somebody, somebody.cursor() as cursor:
        cursor.execute("SELECT GET_LOCK(%s, 0)", (alive_name(database.name),))
        cursor.execute("LOCK TABLES schemagate_starts WRITE")
        late = gate.begin(SCHEMAGATE_RECONNECT_SECONDS="0")
        until(lambda: "lock.waiting" in late.text, "the wait")
        cursor.execute("UNLOCK TABLES")
        cursor.execute("SELECT RELEASE_LOCK(%s)", (alive_name(database.name),))
        assert late.wait() == 0, late.text


def test_a_start_at_work_is_not_taken_for_one_that_died(database: Database, tmp_path: Path) -> None:
    """While it runs, `check` says that something is pending, and `status` that it is running."""
    gate = Gate(database, tmp_path).write(**{"1_slow": SLOW})
    start = gate.begin()
    until(lambda: running(database), "the slow statement")
    check = gate.run("check", 23)
    assert "is at work" in check.lines[-1]["message"]
    assert "running" in gate.run("status").text
    assert start.wait() == 0
    gate.run("check")


def test_kill_query_ends_no_wait_for_another_start(database: Database, tmp_path: Path) -> None:
    """MySQL answers GET_LOCK with an error then."""
    gate = Gate(database, tmp_path).write(**{"1_slow": SLOW})
    first = gate.begin()
    until(lambda: running(database), "the slow statement")
    second = gate.begin()
    waits = "SELECT ID FROM information_schema.PROCESSLIST WHERE INFO LIKE 'SELECT GET_LOCK%'"
    until(lambda: bool(database.rows(waits)), "a wait for the lock")
    for (waiting,) in database.rows(waits):
        database.run(f"KILL QUERY {waiting}")
    assert (first.wait(), second.wait()) == (0, 0), second.text


def test_names_with_percent_signs_are_names(database: Database, tmp_path: Path) -> None:
    """Of a schema: `100%` and `%s` are not places for values."""
    name = database.another(f"{database.name}_100% %s")
    gate = Gate(database, tmp_path).write(**{"1_a": "CREATE TABLE a (id INT PRIMARY KEY); INSERT INTO a VALUES (1);"})
    gate.run(MYSQL_DATABASE=name)
    gate.write(**{"2_b": "ALTER TABLE a ADD COLUMN b INT"}).run(MYSQL_DATABASE=name)
    gate.run("check", MYSQL_DATABASE=name)
