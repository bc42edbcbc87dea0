"""Things go wrong around a start that works: it goes on by itself, and each statement is applied once."""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pymysql.constants.COMMAND import COM_QUIT

from schemagate.lock import alive_name, lock_name
from tests.crash.relay import Exchange, Relay
from tests.database.gate import Gate, last, said, until_said
from tests.database.test_orphans import NUMBERS, WITHOUT_SHADOW, runs, tables
from tests.database.world import private_database, until
from tests.databases import Database
from tests.instances import Instance
from tests.packages import choose_like, plugins
from tests.wire import Packet, RecordingProxy

ROWS = """
    CREATE TABLE kept (id INT PRIMARY KEY);
    INSERT INTO kept VALUES (1000);
    INSERT INTO kept SELECT id + SLEEP(0.1) FROM numbers WHERE id < 10;
    INSERT INTO kept VALUES (2000);
"""
SLEEPS = "CREATE TABLE slow AS SELECT id, SLEEP(0.1) AS pause FROM numbers WHERE id < 30"
KEPT = tuple((number,) for number in (*range(10), 1000, 2000))


@pytest.fixture
def gate(database: Database, tmp_path: Path) -> Gate:
    """A schema that has a table of a hundred rows."""
    gate = Gate(database, tmp_path).write(a_numbers=NUMBERS)
    gate.run()
    return gate


def outcomes(database: Database) -> list[str]:
    """Of the migration behind the first: "2 applied", in order of their begin."""
    rows = database.rows("SELECT ordinal, outcome FROM schemagate_journal WHERE migration > 'b' ORDER BY id")
    return [f"{ordinal} {outcome}" for ordinal, outcome in rows]


# --- the connection ------------------------------------------------------------------------------------------------


def test_a_session_that_is_killed_is_replaced(gate: Gate) -> None:
    """What had no commit is done again, and nothing else."""
    gate.write(b_rows=ROWS)
    start = gate.begin(**WITHOUT_SHADOW)
    until(lambda: runs(gate.database, "INSERT INTO kept SELECT%") is not None, "the statement")
    gate.database.run(f"KILL {runs(gate.database, 'INSERT INTO kept SELECT%')}")
    assert start.wait() == 0, start.text
    assert gate.database.rows("SELECT id FROM kept ORDER BY id") == KEPT
    assert outcomes(gate.database) == ["1 applied", "2 applied", "3 applied", "4 applied"]
    assert len(said(start, "start.resumed")) == 1
    assert last(start)["applied"] == 4


def test_both_sessions_may_be_lost(gate: Gate) -> None:
    """As when the server is told to end all sessions of an account."""
    gate.write(b_rows=ROWS)
    database = gate.database
    start = gate.begin(**WITHOUT_SHADOW)
    until(lambda: runs(database, "INSERT INTO kept SELECT%") is not None, "the statement")
    for name in (alive_name(database.name), lock_name(database.name)):
        database.run(f"KILL {database.value('SELECT IS_USED_LOCK(%s)', name)}")
    assert start.wait() == 0, start.text
    assert database.rows("SELECT id FROM kept ORDER BY id") == KEPT


def test_structure_that_was_running_when_the_session_was_killed_is_settled_by_the_same_start(gate: Gate) -> None:
    """It looks what became of it, and goes on."""
    gate.write(b_email="ALTER TABLE numbers ADD COLUMN email INT;\nALTER TABLE numbers ADD COLUMN age INT;")
    with application(gate.database, "START TRANSACTION", "SELECT * FROM numbers") as cursor:
        start = gate.begin()
        until(lambda: runs(gate.database, "ALTER TABLE numbers ADD COLUMN email%") is not None, "the wait")
        gate.database.run(f"KILL {runs(gate.database, 'ALTER TABLE numbers ADD COLUMN email%')}")
        until_said(start, "statement.settled")
        cursor.execute("COMMIT")
    assert start.wait() == 0, start.text
    settled = said(start, "statement.settled")[0]
    assert (settled["ordinal"], settled["outcome"]) == (1, "not applied")
    assert [name for name, *_ in gate.database.rows("SHOW COLUMNS FROM numbers")] == ["id", "email", "age"]
    assert last(start)["applied"] == 2


def test_an_account_that_is_locked_out_in_the_middle_is_told_so(gate: Gate) -> None:
    """And that the work was under way: whoever reads "access denied" would think that nothing has begun."""
    database, user = gate.database, f"schemagate_visiting_{secrets.token_hex(4)}"
    gate.write(b_rows=ROWS)
    database.run(f"CREATE USER '{user}' IDENTIFIED BY 'first'")
    try:
        database.run(f"GRANT ALL ON `{database.name}`.* TO '{user}'")
        account: dict[str, Any] = {"MYSQL_USER": user, "MYSQL_PASSWORD": "first", "SCHEMAGATE_GRACE_SECONDS": "0.5"}
        start = gate.begin(**account, **WITHOUT_SHADOW)
        until(lambda: runs(database, "INSERT INTO kept SELECT%") is not None, "the statement")
        database.run(f"ALTER USER '{user}' IDENTIFIED BY 'second'")
        database.run(f"KILL {runs(database, 'INSERT INTO kept SELECT%')}")
        assert start.wait() == 13, start.text
        assert "This start was in the middle of its work: the journal has what was applied" in last(start)["message"]
        assert last(start)["errno"] == 1045
        gate.run(**account | {"MYSQL_PASSWORD": "second"}, **WITHOUT_SHADOW)
    finally:
        database.run(f"DROP USER '{user}'")
    assert database.rows("SELECT id FROM kept ORDER BY id") == KEPT


def test_an_account_that_is_dropped_in_the_middle_is_told_so(gate: Gate) -> None:
    """Its sessions live on, and have no rights that could be shown."""
    database, user = gate.database, f"schemagate_visiting_{secrets.token_hex(4)}"
    gate.write(b_rows=ROWS)
    database.run(f"CREATE USER '{user}'", f"GRANT ALL ON `{database.name}`.* TO '{user}'")
    account: dict[str, Any] = {"MYSQL_USER": user, "MYSQL_PASSWORD": "", "SCHEMAGATE_GRACE_SECONDS": "0.5"}
    start = gate.begin(**account, **WITHOUT_SHADOW)
    until(lambda: runs(database, "INSERT INTO kept SELECT%") is not None, "the statement")
    database.run(f"DROP USER '{user}'")
    assert start.wait() == 13, start.text
    gate.run(**WITHOUT_SHADOW)
    assert database.rows("SELECT id FROM kept ORDER BY id") == KEPT


def test_a_connection_that_is_cut_at_a_commit_loses_and_repeats_nothing(gate: Gate) -> None:
    """Nobody can tell then whether the server has seen it; the journal can."""
    gate.write(b_rows=ROWS.replace(" + SLEEP(0.1)", ""))
    server = gate.database.server
    cut: list[Packet] = []

    def before(packet: Packet) -> None:
        if packet.payload.startswith(b"COMMIT") and len(cut) < 2:
            cut.append(packet)
            raise ConnectionResetError

    with RecordingProxy(server.host, server.port, before=before) as proxy:
        start = gate.run(MYSQL_HOST=proxy.host, MYSQL_PORT=str(proxy.port), SCHEMAGATE_TLS="off", **WITHOUT_SHADOW)
    assert len(cut) == 2
    assert len(said(start, "start.resumed")) == 2
    assert gate.database.rows("SELECT id FROM kept ORDER BY id") == KEPT


def test_a_connection_that_is_lost_again_and_again_in_one_place_is_given_up(gate: Gate) -> None:
    """The statement may be what ends it; three times is enough."""
    gate.write(b_rows="INSERT INTO numbers VALUES (1000)")
    server = gate.database.server

    def before(packet: Packet) -> None:
        if packet.payload.startswith(b"INSERT INTO numbers"):
            raise ConnectionResetError

    with RecordingProxy(server.host, server.port, before=before) as proxy:
        start = gate.run(
            expected=21, MYSQL_HOST=proxy.host, MYSQL_PORT=str(proxy.port), SCHEMAGATE_TLS="off", **WITHOUT_SHADOW
        )
    assert len(said(start, "start.resumed")) == 3


def test_a_lost_connection_ends_the_start_where_the_setting_says_so(gate: Gate) -> None:
    """With SCHEMAGATE_RECONNECT_SECONDS=0."""
    gate.write(b_rows=ROWS)
    start = gate.begin(SCHEMAGATE_RECONNECT_SECONDS="0", **WITHOUT_SHADOW)
    until(lambda: runs(gate.database, "INSERT INTO kept SELECT%") is not None, "the statement")
    gate.database.run(f"KILL {runs(gate.database, 'INSERT INTO kept SELECT%')}")
    assert start.wait() == 21, start.text


def test_what_the_server_said_before_the_connection_was_lost_is_not_forgotten(gate: Gate) -> None:
    """Nobody could see what a CALL has done; but the start was told."""
    gate.write(
        b_calls="CREATE PROCEDURE twice() INSERT INTO numbers SELECT 1000 + COUNT(*) FROM numbers;\n"
        "CALL twice();\nCREATE TABLE later (id INT PRIMARY KEY);"
    )
    server = gate.database.server
    seen: list[bytes] = []

    def before(packet: Packet) -> None:
        seen.append(packet.payload)
        called = any(text.startswith(b"CALL") for text in seen)
        if called and seen[-1].startswith(b"REPLACE INTO ") and b"cut" not in seen:
            seen.append(b"cut")
            raise ConnectionResetError

    with RecordingProxy(server.host, server.port, before=before) as proxy:
        start = gate.run(MYSQL_HOST=proxy.host, MYSQL_PORT=str(proxy.port), SCHEMAGATE_TLS="off", **WITHOUT_SHADOW)
    assert said(start, "statement.settled")[0]["how"] == "the server had said so"
    assert gate.database.rows("SELECT id FROM numbers WHERE id >= 1000") == ((1100,),)
    assert tables(gate.database) == {"numbers", "later"}


def test_a_connection_that_is_lost_before_anything_is_to_do_is_survived(gate: Gate) -> None:
    """The start that would end after two questions asks more of them."""
    server = gate.database.server
    seen: list[Packet] = []

    def before(packet: Packet) -> None:
        if packet.command != COM_QUIT:  # the farewell of the start before may come late
            seen.append(packet)
        if len(seen) == 2:
            raise ConnectionResetError

    with RecordingProxy(server.host, server.port, before=before) as proxy:
        elsewhere = {"MYSQL_HOST": proxy.host, "MYSQL_PORT": str(proxy.port), "SCHEMAGATE_TLS": "off"}
        assert last(gate.run(environment=elsewhere))["applied"] == 0
        seen.clear()
        gate.run(expected=21, environment=elsewhere, SCHEMAGATE_RECONNECT_SECONDS="0")


def test_a_start_that_is_stopped_while_it_waits_after_a_loss_does_not_say_that_nothing_was_changed(gate: Gate) -> None:
    """It has changed something before, and may have left a statement behind."""
    gate.write(b_two=f"CREATE TABLE first (id INT PRIMARY KEY);\n{SLEEPS}")
    database = gate.database
    start = gate.begin(**WITHOUT_SHADOW)
    until(lambda: runs(database, "CREATE TABLE slow%") is not None, "the statement")
    with database.connect() as other, other.cursor() as cursor:
        # Another start, by one of its locks: it comes in between.
        held = [name(database.name) for name in (alive_name, lock_name)]
        watch, work = (database.value("SELECT IS_USED_LOCK(%s)", name) for name in held)
        database.run(f"KILL {watch}")
        cursor.execute("SELECT GET_LOCK(%s, 5)", (alive_name(database.name),))
        database.run(f"KILL {work}")
        until_said(start, "lock.waiting")
        start.process.terminate()
        assert start.wait() == 143, start.text
    assert "after the connection was lost" in last(start)["message"]
    assert tables(database) >= {"numbers", "first"}
    gate.run(**WITHOUT_SHADOW)


# --- the server ----------------------------------------------------------------------------------------------------


@pytest.fixture
def private(private_server: Callable[..., Instance], tmp_path: Path) -> tuple[Instance, Gate]:
    """A server of one's own, and a schema on it with a table of a hundred rows."""
    instance = private_server()
    gate = Gate(private_database(instance), tmp_path).write(a_numbers=NUMBERS)
    gate.run()
    return instance, gate


def test_a_server_that_dies_and_comes_back_is_waited_for(private: tuple[Instance, Gate]) -> None:
    """And one that stays away is given up in time."""
    instance, gate = private
    server = instance.server()
    gate.write(b_rows=ROWS)
    start = gate.begin(**WITHOUT_SHADOW)
    until(lambda: runs(gate.database, "INSERT INTO kept SELECT%") is not None, "the statement")
    instance.kill()
    until_said(start, "database.waiting")
    instance.start()
    assert start.wait() == 0, start.text
    with server.connect(gate.database.name) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT id FROM kept ORDER BY id")
        assert tuple(cursor.fetchall()) == KEPT
    gate.write(c_rows="DO SLEEP(5)")
    start = gate.begin(SCHEMAGATE_RECONNECT_SECONDS="1", **WITHOUT_SHADOW)
    until_said(start, "migration.began")
    began = time.monotonic()
    instance.kill()
    assert start.wait() == 21, start.text
    assert time.monotonic() - began < 8


def test_a_server_that_turns_read_only_is_waited_for(private: tuple[Instance, Gate]) -> None:
    """As the primary does in a failover, for accounts without special rights."""
    _, gate = private
    database = gate.database
    account = database.account("ALL ON {database}.*")
    gate.write(b_rows="DO SLEEP(1);\nCREATE TABLE kept (id INT PRIMARY KEY);\nINSERT INTO kept VALUES (1);")
    start = gate.begin(account=account, **WITHOUT_SHADOW)
    until(lambda: runs(database, "DO SLEEP%") is not None, "the statement")
    database.run("SET GLOBAL read_only = 1")
    until_said(start, "database.waiting", reason="the server is read-only")
    database.run("SET GLOBAL read_only = 0")
    assert start.wait() == 0, start.text
    assert said(start, "start.resumed")[0]["errno"] == 1290


@pytest.mark.parametrize("moment", ["CREATE DATABASE", "CREATE TABLE `numbers`"])
def test_a_server_that_turns_read_only_while_the_shadow_is_made_is_waited_for(
    private: tuple[Instance, Gate], moment: str
) -> None:
    """And not taken for one where there may be no shadow: what that would have told is told after it."""
    _, gate = private
    database = gate.database
    account = database.account("ALL ON {database}.*", "ALL ON {shadow}.*")
    gate.write(b_email="ALTER TABLE numbers ADD COLUMN email INT")
    turned = threading.Event()

    def hook(_relay: Relay, exchange: Exchange, at: str) -> None:
        if at == "before" and exchange.text.startswith(moment) and not turned.is_set():
            database.run("SET GLOBAL read_only = 1")
            turned.set()

    with Relay(database.server.host, database.server.port, hook) as relay:
        way = {"MYSQL_HOST": relay.host, "MYSQL_PORT": str(relay.port), "SCHEMAGATE_TLS": "off"}
        start = gate.begin(account=account, environment=way)
        until_said(start, "database.waiting", reason="the server is read-only")
        database.run("SET GLOBAL read_only = 0")
        assert start.wait() == 0, start.text
    assert said(start, "start.resumed")[0]["errno"] == 1290
    assert said(start, "rehearsal.passed")
    assert not said(start, "rehearsal.skipped")


def test_room_for_all_its_sessions_is_waited_for(gate: Gate) -> None:
    """And not for the first of them alone; what is not to be had within the time to wait is exit 20."""
    database = gate.database
    user, password = database.account("ALL ON {database}.*", "ALL ON {shadow}.*")
    database.run(f"ALTER USER '{user}'@'%' WITH MAX_USER_CONNECTIONS 3")
    crowd = [database.connect(user, password) for _ in range(2)]
    gate.write(b_more="CREATE TABLE more (id INT PRIMARY KEY)")
    late = gate.run(expected=20, account=(user, password), SCHEMAGATE_WAIT_SECONDS="1")
    assert "One more session" in last(late)["message"]
    start = gate.begin(account=(user, password))
    until_said(start, "database.waiting", reason="too many connections")
    for each in crowd:
        each.close()
    assert start.wait() == 0, start.text
    assert last(start)["applied"] == 1


# --- locks ---------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def application(database: Database, *statements: str) -> Iterator[Any]:
    """A session of the application in which these were run."""
    with database.connect() as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        yield cursor


def test_a_row_that_somebody_has_locked_is_waited_for_more_than_once(gate: Gate) -> None:
    """The whole transaction of ours is taken back each time, and done again."""
    gate.write(b_rows="INSERT INTO numbers VALUES (500);\nUPDATE numbers SET id = 600 WHERE id = 1;")
    with application(gate.database, "START TRANSACTION", "SELECT * FROM numbers WHERE id = 1 FOR UPDATE") as cursor:
        start = gate.begin(SCHEMAGATE_LOCK_WAIT_SECONDS="1")
        until_said(start, "statement.retried")
        cursor.execute("COMMIT")
    assert start.wait() == 0, start.text
    retried = said(start, "statement.retried")[0]
    assert (retried["errno"], retried["migration"], retried["ordinal"]) == (1205, "b_rows", 2)
    assert gate.database.rows("SELECT id FROM numbers WHERE id IN (1, 500, 600)") == ((500,), (600,))
    assert last(start)["applied"] == 2


def test_a_table_that_somebody_uses_is_waited_for_more_than_once_and_he_is_named(gate: Gate) -> None:
    """Between the attempts the application comes through."""
    gate.write(b_email="ALTER TABLE numbers ADD COLUMN email INT")
    with application(gate.database, "START TRANSACTION", "SELECT * FROM numbers") as cursor:
        cursor.execute("SELECT CONNECTION_ID()")
        ((number,),) = cursor.fetchall()
        start = gate.begin(SCHEMAGATE_LOCK_WAIT_SECONDS="1")
        until_said(start, "statement.retried")
        cursor.execute("COMMIT")
    assert start.wait() == 0, start.text
    how = "holds a lock on it" if gate.database.server.flavour == "mysql" else "has a transaction open"
    blocker = said(start, "statement.retried")[0]["blockers"][0]
    assert f"connection {number} of root@" in blocker
    assert f"{how}: idle, for " in blocker
    assert outcomes(gate.database)[-1] == "1 applied"


def test_who_holds_the_lock_is_known_where_the_server_tells(
    private_server: Callable[..., Instance], database: Database, tmp_path: Path
) -> None:
    """MySQL does; MariaDB with a plugin that is in its packages and has to be loaded."""
    options = []
    if database.server.flavour == "mariadb":
        directory = plugins(choose_like(database.server.label))
        options = [f"--plugin-dir={directory}", "--plugin-load-add=metadata_lock_info"]
    gate = Gate(private_database(private_server(*options)), tmp_path).write(a_numbers=NUMBERS)
    gate.run()
    gate.write(b_email="ALTER TABLE numbers ADD COLUMN email INT")
    with application(gate.database, "START TRANSACTION", "SELECT * FROM numbers"):
        start = gate.run(expected=30, SCHEMAGATE_LOCK_WAIT_SECONDS="1", SCHEMAGATE_RETRIES="0")
    assert "holds a lock on it: idle" in last(start)["blockers"][0]


def test_an_account_without_rights_names_whom_it_can_see(gate: Gate) -> None:
    """Which are its own sessions: often those of the application, too."""
    database = gate.database
    user, password = database.account("ALL ON {database}.*")
    gate.write(b_email="ALTER TABLE numbers ADD COLUMN email INT")
    with database.connect(user, password) as connection, connection.cursor() as cursor:
        cursor.execute("START TRANSACTION")
        cursor.execute("SELECT * FROM numbers")
        start = gate.run(
            expected=30, account=(user, password), SCHEMAGATE_LOCK_WAIT_SECONDS="1", SCHEMAGATE_RETRIES="0"
        )
        assert f" of {user}@" in last(start)["blockers"][0]
    assert not said(start, "statement.retried")


def test_attempts_for_a_lock_come_to_an_end(gate: Gate) -> None:
    """Then it is exit 30, and the application's table is as it was."""
    gate.write(b_email="ALTER TABLE numbers ADD COLUMN email INT")
    with application(gate.database, "START TRANSACTION", "SELECT * FROM numbers"):
        start = gate.run(expected=30, SCHEMAGATE_LOCK_WAIT_SECONDS="1", SCHEMAGATE_RETRIES="1")
    assert len(said(start, "statement.retried")) == 1
    assert last(start)["errno"] == 1205


@pytest.mark.parametrize("verb", ["OPTIMIZE", "ANALYZE", "REPAIR"])
def test_what_answers_with_a_report_has_not_worked_where_that_says_so(gate: Gate, verb: str) -> None:
    """These put their errors into rows: without the lock they have done nothing, and are tried again."""
    gate.write(b_tidy=f"{verb} TABLE numbers")
    with application(gate.database, "LOCK TABLES numbers WRITE") as cursor:
        start = gate.begin(SCHEMAGATE_LOCK_WAIT_SECONDS="1")
        until_said(start, "statement.retried", errno=1205)
        cursor.execute("UNLOCK TABLES")
    assert start.wait() == 0, start.text
    assert outcomes(gate.database) == ["1 failed", "1 applied"]
    gate.write(c_tidy=f"{verb} TABLE nope")
    assert last(gate.run(expected=30))["ordinal"] == 1


def test_a_statement_that_somebody_ended_is_no_fault_of_the_file(gate: Gate) -> None:
    """KILL QUERY, in the rehearsal too: neither is a reason to mend anything."""
    gate.write(
        b_slow="CREATE TABLE kept AS SELECT SUM(a.id * b.id + c.id * d.id) AS n "
        "FROM numbers a, numbers b, numbers c, numbers d"
    )
    start = gate.begin(**WITHOUT_SHADOW)
    until(lambda: runs(gate.database, "CREATE TABLE kept%") is not None, "the statement")
    gate.database.run(f"KILL QUERY {runs(gate.database, 'CREATE TABLE kept%')}")
    assert start.wait() == 30, start.text
    assert "see who or what ended it and start again" in last(start)["message"]
    many = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT SUM(a.i * b.i * c.i)"
    gate.write(b_slow=f"CREATE TABLE kept AS {many} AS s FROM n a, n b, n c")
    start = gate.begin()
    found = "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = %s AND INFO LIKE 'CREATE TABLE kept%%'"
    until(lambda: bool(gate.database.rows(found, gate.database.shadow)), "the rehearsal")
    gate.database.run(f"KILL QUERY {gate.database.value(found, gate.database.shadow)}")
    assert start.wait() == 20, start.text
    assert tables(gate.database) == {"numbers"}


def test_a_transaction_that_falls_to_a_deadlock_is_done_again(gate: Gate) -> None:
    """Whole, from its START TRANSACTION on."""
    gate.write(
        b_rows="CREATE TABLE kept (id INT PRIMARY KEY);\nSTART TRANSACTION;\nINSERT INTO kept VALUES (1);\n"
        "UPDATE numbers SET id = 501 WHERE id = 1;\nDO SLEEP(1);\nUPDATE numbers SET id = 502 WHERE id = 2;\nCOMMIT;"
    )
    # The server ends the one of the two that has changed fewer rows.
    heavy = ("START TRANSACTION", "UPDATE numbers SET id = id + 200 WHERE id BETWEEN 2 AND 50")
    start = gate.begin(SCHEMAGATE_LOCK_WAIT_SECONDS="20", **WITHOUT_SHADOW)
    until(lambda: runs(gate.database, "DO SLEEP(1)%") is not None, "the sleep")
    with application(gate.database, *heavy) as cursor:
        cursor.execute("SELECT * FROM numbers WHERE id = 1 FOR UPDATE")
        cursor.execute("ROLLBACK")
    assert start.wait() == 0, start.text
    (retried,) = said(start, "statement.retried")
    assert retried["errno"] == 1213
    assert "was the other side of the deadlock: running SELECT * FROM numbers WHERE id = 1" in retried["blockers"][0]
    assert gate.database.rows("SELECT id FROM numbers WHERE id IN (1, 2, 501, 502) ORDER BY id") == ((501,), (502,))
    assert gate.database.rows("SELECT id FROM kept") == ((1,),)
    assert tables(gate.database) == {"numbers", "kept"}


def test_a_server_without_room_is_no_fault_of_the_file(gate: Gate) -> None:
    """In a table, as here, or on its disk."""
    gate.write(
        b_full="SET max_heap_table_size = 16384;\n"
        "CREATE TABLE full_up ENGINE = MEMORY AS SELECT a.id, REPEAT('x', 200) AS x FROM numbers a, numbers b"
    )
    assert "make room on the server" in last(gate.run(expected=30))["message"]
    gate.write(b_full="SET max_heap_table_size = 16384;\nCREATE TABLE full_up ENGINE = MEMORY AS SELECT 1 AS id")
    gate.run()


def test_a_shadow_that_somebody_drops_is_no_fault_of_the_file(gate: Gate) -> None:
    """In the middle of the rehearsal."""
    gate.write(b_more="ALTER TABLE numbers ADD COLUMN x INT;\nALTER TABLE numbers ADD COLUMN y INT")
    database = gate.database

    def hook(relay: Relay, exchange: Exchange, moment: str) -> None:
        if moment == "before" and "COLUMN y" in exchange.text:
            database.run(f"DROP DATABASE IF EXISTS {database.shadow}")

    with Relay(database.server.host, database.server.port, hook) as relay:
        way = {"MYSQL_HOST": relay.host, "MYSQL_PORT": str(relay.port), "SCHEMAGATE_TLS": "off"}
        assert "See who dropped it" in last(gate.run(expected=20, environment=way))["message"]
    gate.run()
