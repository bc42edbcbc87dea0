"""What the journal says is what was done, at every moment; and a start that works leaves a row of its own."""

from __future__ import annotations

import datetime
import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemagate.lock import lock_name
from tests.database.gate import Gate, last, said, until_said
from tests.database.world import Start, until
from tests.databases import Database
from tests.wire import Packet, RecordingProxy


@pytest.fixture
def gate(database: Database, tmp_path: Path) -> Gate:
    return Gate(database, tmp_path)


def entries(database: Database, columns: str = "migration, ordinal, outcome") -> list[tuple[Any, ...]]:
    """The journal, in the order in which the entries were begun."""
    return list(database.rows(f"SELECT {columns} FROM schemagate_journal ORDER BY id"))


def outcomes(database: Database) -> list[tuple[int, str]]:
    """Ordinal and outcome of all entries."""
    return entries(database, "ordinal, outcome")


def watched(gate: Gate, before: Callable[[Packet], None], expected: int | None = 0) -> Start:
    """A start of whose every statement `before` is told before the server is. It rehearses nothing."""
    server = gate.database.server
    with RecordingProxy(server.host, server.port, before=before) as proxy:
        start = gate.begin(
            MYSQL_HOST=proxy.host,
            MYSQL_PORT=str(proxy.port),
            SCHEMAGATE_TLS="off",
            SCHEMAGATE_SHADOW="off",
            SCHEMAGATE_RECONNECT_SECONDS="0",
        )
        code = start.wait()
    assert expected in (None, code), start.text
    return start


def worker(database: Database) -> int | None:
    """The connection that runs the statements: the one that holds the lock."""
    found: int | None = database.value("SELECT IS_USED_LOCK(%s)", lock_name(database.name))
    return found


def kill_worker(database: Database) -> None:
    """End the session that runs the statements, from outside, and wait until the server has cleaned up after it."""
    number = worker(database)
    database.run(f"KILL {number}")
    until(
        lambda: not database.rows("SELECT 1 FROM information_schema.processlist WHERE id = %s", number),
        "the session has ended",
    )


# --- entries ---------------------------------------------------------------------------------------------------------


def test_each_statement_has_an_entry(gate: Gate) -> None:
    """What it was, in which session of which start, when, how long, and what came of it."""
    text = """-- about a
        CREATE TABLE a (id INT PRIMARY KEY, n INT);

        INSERT INTO a VALUES (1, 1), (2, 2), (3, 3);
        UPDATE a SET n = n * 2 WHERE id > 1; SET @x = 5;
        DELETE FROM a WHERE id = @x;
        ALTER TABLE a ADD COLUMN t TEXT;"""
    before = gate.database.value("SELECT UTC_TIMESTAMP(6)")
    gate.write(a_first=text).run(SCHEMAGATE_STARTED_BY="a pod")
    after = gate.database.value("SELECT UTC_TIMESTAMP(6)")
    assert entries(gate.database, "migration, ordinal, statements, line, kind, outcome, rows_changed, errno, note") == [
        ("a_first", 1, 6, 2, "create table", "applied", 0, None, None),
        ("a_first", 2, 6, 4, "insert", "applied", 3, None, None),
        ("a_first", 3, 6, 5, "update", "applied", 2, None, None),
        ("a_first", 4, 6, 5, "set", "applied", 0, None, None),
        ("a_first", 5, 6, 6, "delete", "applied", 0, None, None),
        ("a_first", 6, 6, 7, "alter table", "applied", 0, None, None),
    ]
    checksums = entries(gate.database, "checksum")
    assert checksums[3] == (hashlib.sha256(b"SET @x = 5").digest(),)
    times = [moment for (moment,) in entries(gate.database, "begun_at")]
    margin = datetime.timedelta(milliseconds=50)
    assert before - margin <= times[0] <= times[-1] <= after + margin
    assert times == sorted(times)
    assert all(elapsed >= 0 for (elapsed,) in entries(gate.database, "elapsed_ms"))
    ((start, connection, uuid),) = set(entries(gate.database, "start_id, connection_id, server_uuid"))
    assert (connection, uuid, "a pod") == gate.database.rows(
        "SELECT connection_id, server_uuid, host FROM schemagate_starts WHERE id = %s", start
    )[0]
    assert len(uuid) == 36


def test_structure_is_begun_before_it_is_sent(gate: Gate) -> None:
    """And closed by the time the next one is begun: at no moment two of them are open."""
    seen: list[list[tuple[int, str]]] = []

    def look(packet: Packet) -> None:
        if packet.payload.startswith((b"CREATE TABLE b ", b"ALTER TABLE b ", b"DROP TABLE a")):
            seen.append(outcomes(gate.database))
            assert entries(gate.database, "connection_id")[-1] == (worker(gate.database),)

    gate.write(
        a_first="CREATE TABLE a (id INT); CREATE TABLE b (id INT);",
        b_second="ALTER TABLE b ADD COLUMN n INT; DROP TABLE a;",
    )
    watched(gate, look)
    done = [(1, "applied"), (2, "applied")]
    assert seen == [
        [(1, "applied"), (2, "begun")],
        [*done, (1, "begun")],
        [*done, (1, "applied"), (2, "begun")],
    ]
    assert outcomes(gate.database) == done * 2


DATA = "INSERT INTO a VALUES (1, 1); UPDATE a SET n = n + 10; REPLACE INTO a VALUES (3, 3);"


@pytest.mark.parametrize("written", [False, True], ids=["alone", "in-a-written-transaction"])
def test_data_and_its_entries_are_there_together_or_not_at_all(gate: Gate, written: bool) -> None:
    """Whenever the session is killed from outside; and what the next start does, it does once."""
    database = gate.database
    text = f"START TRANSACTION; {DATA} COMMIT;" if written else DATA
    count, result = text.count(";"), ((1, 11), (3, 3))
    gate.write(a_first="CREATE TABLE a (id INT PRIMARY KEY, n INT);").run()
    gate.write(b_second=text)
    states = []
    for at in range(100):
        killed = kill_at(gate, at)
        entered = database.value("SELECT COUNT(*) FROM schemagate_journal WHERE migration = 'b_second'")
        states.append((entered, database.rows("SELECT id, n FROM a ORDER BY id")))
        assert states[-1] in ((0, ()), (count, result))
        if not killed:
            break
        gate.run(SCHEMAGATE_SHADOW="off")
        assert database.rows("SELECT id, n FROM a ORDER BY id") == result
        database.run("DELETE FROM a", "DELETE FROM schemagate_journal WHERE migration = 'b_second'")
        database.run("DELETE FROM schemagate_verified")
    assert len(states) > 5  # the statements, what is around them, and one that was not killed
    assert set(states) == {(0, ()), (count, result)}
    assert states == sorted(states)


def kill_at(gate: Gate, at: int) -> bool:
    """A start whose session is killed before the packet that comes `at` packets after the first INSERT.

    Answers whether there is one, up to the packet after the COMMIT.
    """
    sent: list[bytes] = []
    killed = False

    def count(packet: Packet) -> None:
        nonlocal killed
        over = any(each.startswith(b"COMMIT") for each in sent[:-1])
        if over or not (sent or packet.payload.startswith(b"INSERT INTO a ")):
            return
        sent.append(packet.payload)
        if len(sent) - 1 == at:
            killed = True
            kill_worker(gate.database)

    start = watched(gate, count, expected=None)
    assert last(start)["event"] == ("database.lost" if killed else "start.finished")
    return killed


def test_a_session_that_is_killed_while_rows_change_leaves_nothing(gate: Gate) -> None:
    """Not even the statements before that one: they share its transaction. The next start does it all, once."""
    gate.write(a_first="CREATE TABLE a (id INT PRIMARY KEY, n INT);").run()
    gate.database.run("INSERT INTO a VALUES (100, 0)")
    gate.write(b_second="INSERT INTO a VALUES (1, 1); UPDATE a SET n = n + 1;")
    blocker = gate.database.connect()
    with blocker.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("UPDATE a SET n = 5 WHERE id = 100")
        start = gate.begin(SCHEMAGATE_RECONNECT_SECONDS="0")
        until(lambda: blocked(gate.database), "the UPDATE waits")
        assert gate.database.rows("SELECT id FROM a") == ((100,),)
        kill_worker(gate.database)
        assert start.wait() == 21
        cursor.execute("ROLLBACK")
    assert gate.database.rows("SELECT * FROM a") == ((100, 0),)
    assert outcomes(gate.database) == [(1, "applied")]
    gate.run()
    assert gate.database.rows("SELECT * FROM a ORDER BY id") == ((1, 2), (100, 1))
    assert outcomes(gate.database) == [(1, "applied"), (1, "applied"), (2, "applied")]


def blocked(database: Database) -> bool:
    query = "SELECT 1 FROM information_schema.processlist WHERE id = %s AND info LIKE 'UPDATE a SET%%'"
    return bool(database.rows(query, worker(database)))


def test_structure_that_was_running_when_the_session_was_killed_is_in_doubt(gate: Gate) -> None:
    """Its entry stays begun: the journal does not claim to know what it cannot know."""
    gate.write(a_first="CREATE TABLE a (id INT PRIMARY KEY);").run()
    gate.write(b_second="ALTER TABLE a ADD COLUMN n INT; ALTER TABLE a ADD COLUMN m INT;")

    def kill(packet: Packet) -> None:
        if packet.payload.startswith(b"ALTER TABLE a ADD COLUMN m"):
            kill_worker(gate.database)

    watched(gate, kill, expected=21)
    assert outcomes(gate.database)[1:] == [(1, "applied"), (2, "begun")]
    assert gate.database.value("SELECT exit_code IS NULL FROM schemagate_starts ORDER BY id DESC LIMIT 1") == 1


def test_rows_of_other_engines_are_begun_and_closed(gate: Gate) -> None:
    """They commit by themselves, whatever transaction they are in."""
    gate.write(
        a_first="CREATE TABLE old (id INT PRIMARY KEY) ENGINE=MyISAM; CREATE TABLE a (id INT PRIMARY KEY);"
    ).run()
    seen = []

    def look(packet: Packet) -> None:
        if packet.payload.startswith((b"INSERT INTO old", b"DELETE FROM old")):
            seen.append(outcomes(gate.database)[2:])

    gate.write(b_second="INSERT INTO a VALUES (1); INSERT INTO old VALUES (1), (2); DELETE FROM old WHERE id = 1;")
    watched(gate, look)
    assert seen == [[(1, "applied"), (2, "begun")], [(1, "applied"), (2, "applied"), (3, "begun")]]
    assert outcomes(gate.database)[2:] == [(1, "applied"), (2, "applied"), (3, "applied")]
    assert entries(gate.database, "rows_changed")[3:] == [(2,), (1,)]


def test_rows_of_other_engines_may_not_be_in_a_written_transaction(gate: Gate) -> None:
    """It could not be taken back as a whole, and is refused; what came before it in the transaction is taken back."""
    gate.write(a_first="CREATE TABLE old (id INT) ENGINE=MyISAM; CREATE TABLE a (id INT);").run()
    gate.write(b_second="BEGIN; INSERT INTO a VALUES (1); INSERT INTO old VALUES (1); COMMIT;")
    start = gate.run(expected=11)
    assert last(start)["ordinal"] == 3
    assert gate.database.rows("SELECT * FROM a") == ()
    assert gate.database.rows("SELECT * FROM old") == ()
    assert len(entries(gate.database)) == 2
    assert starts(gate.database, "exit_code, event") == [(0, "start.finished"), (11, "migration.invalid")]


# --- failures --------------------------------------------------------------------------------------------------------


def test_a_statement_that_fails_is_recorded_with_its_error(gate: Gate) -> None:
    """What came before it stays. Mended, the file goes on from there, and the failure stays in the journal."""
    gate.database.run("CREATE TABLE a (id INT PRIMARY KEY)", "INSERT INTO a VALUES (7)")
    gate.write(a_first="INSERT INTO a VALUES (1); INSERT INTO a VALUES (7); INSERT INTO a VALUES (3);")
    start = gate.run(expected=30)
    assert (last(start)["errno"], last(start)["ordinal"]) == (1062, 2)
    assert outcomes(gate.database) == [(1, "applied"), (2, "failed")]
    ((errno, error),) = gate.database.rows("SELECT errno, error FROM schemagate_journal WHERE outcome = 'failed'")
    assert errno == 1062
    assert "Duplicate entry '7'" in error
    assert gate.database.rows("SELECT id FROM a ORDER BY id") == ((1,), (7,))
    gate.write(a_first="INSERT INTO a VALUES (1); INSERT INTO a VALUES (2);")
    assert last(gate.run())["applied"] == 1
    assert outcomes(gate.database) == [(1, "applied"), (2, "failed"), (2, "applied")]
    assert gate.database.rows("SELECT id FROM a ORDER BY id") == ((1,), (2,), (7,))
    assert last(gate.run())["unchanged"] is True


def test_a_wait_for_somebody_elses_row_ends_and_takes_back_its_transaction(gate: Gate) -> None:
    """The statements before it were in the same one: neither they nor their entries are there."""
    gate.database.run("CREATE TABLE a (id INT PRIMARY KEY)", "CREATE TABLE b (id INT PRIMARY KEY, n INT)")
    gate.database.run("INSERT INTO b VALUES (1, 0)")
    gate.write(a_first="INSERT INTO a VALUES (1); UPDATE b SET n = n + 1;")
    with gate.database.connect().cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("UPDATE b SET n = 5")
        start = gate.run(expected=30, SCHEMAGATE_LOCK_WAIT_SECONDS="1", SCHEMAGATE_RETRIES="0")
        assert last(start)["errno"] == 1205
        cursor.execute("ROLLBACK")
    assert gate.database.rows("SELECT * FROM a") == ()
    assert outcomes(gate.database) == [(2, "failed")]
    gate.run()
    assert gate.database.rows("SELECT * FROM a") == ((1,),)
    assert gate.database.rows("SELECT * FROM b") == ((1, 1),)


@pytest.mark.parametrize("begin", ["START TRANSACTION", "BEGIN", "BEGIN WORK"])
def test_a_written_transaction_is_one(gate: Gate, begin: str) -> None:
    """A failure inside takes all of it back, and the next start begins it anew; savepoints are its own affair."""
    gate.write(a_first="CREATE TABLE a (id INT PRIMARY KEY);").run()
    text = f"""
        INSERT INTO a VALUES (1);
        {begin};
        INSERT INTO a VALUES (2);
        SAVEPOINT here;
        INSERT INTO a VALUES (3);
        ROLLBACK TO SAVEPOINT here;
        INSERT INTO a VALUES (%s);
        COMMIT;
        INSERT INTO a VALUES (5);"""
    gate.write(b_second=text % "1")
    start = gate.run(expected=30)
    assert (last(start)["errno"], last(start)["ordinal"]) == (1062, 7)
    assert gate.database.rows("SELECT id FROM a") == ((1,),)
    assert outcomes(gate.database)[1:] == [(1, "applied"), (7, "failed")]
    gate.write(b_second=text % "4")
    gate.run()
    assert gate.database.rows("SELECT id FROM a") == ((1,), (2,), (4,), (5,))
    applied = [ordinal for ordinal, outcome in outcomes(gate.database)[1:] if outcome == "applied"]
    assert applied == list(range(1, 10))


def test_a_savepoint_takes_back_rows_and_no_entries(gate: Gate) -> None:
    """Also where so many statements stand behind it that their entries could have been written in between."""
    rows = "".join(f"INSERT INTO a VALUES ({number});\n" for number in range(10, 710))
    gate.write(
        a_first="CREATE TABLE a (id INT PRIMARY KEY);"
        f"START TRANSACTION; INSERT INTO a VALUES (1); SAVEPOINT s;\n{rows}"
        "ROLLBACK TO SAVEPOINT s; INSERT INTO a VALUES (2); COMMIT;"
    ).run()
    assert gate.database.rows("SELECT id FROM a ORDER BY id") == ((1,), (2,))
    assert [ordinal for ordinal, outcome in outcomes(gate.database) if outcome == "applied"] == list(range(1, 708))
    gate.write(b_second="INSERT INTO a VALUES (3);").run()


def test_a_statement_that_the_server_would_not_take_is_refused_with_its_place(gate: Gate) -> None:
    """It would end the session, which looks like a server that is gone."""
    limit = gate.database.value("SELECT @@max_allowed_packet")
    gate.write(
        a_first=f"CREATE TABLE a (id INT PRIMARY KEY, t LONGTEXT);\nINSERT INTO a VALUES (1, '{'x' * limit}');\n"
        "INSERT INTO a VALUES (2, 'short');"
    )
    error = last(gate.run(expected=11))
    assert (error["file"], error["line"], error["ordinal"]) == ("a_first.sql", 2, 2)
    assert f"{limit:,}" in error["message"]
    assert outcomes(gate.database) == [(1, "applied")]
    gate.write(a_first="CREATE TABLE a (id INT PRIMARY KEY, t LONGTEXT);\nINSERT INTO a VALUES (2, 'short');").run()
    assert gate.database.rows("SELECT id FROM a") == ((2,),)


def test_the_first_statement_knows_of_no_insert_before_it(gate: Gate) -> None:
    """Our own rows have numbers, too, and no migration gets to see them."""
    gate.write(a_first="CREATE TABLE a (id BIGINT PRIMARY KEY); INSERT INTO a VALUES (LAST_INSERT_ID());").run()
    assert gate.database.rows("SELECT id FROM a") == ((0,),)


def test_structure_in_a_written_transaction_commits_it(gate: Gate) -> None:
    """As the server does; the entries of what it commits are there with it."""
    gate.write(a_first="CREATE TABLE a (id INT PRIMARY KEY);").run()
    seen = []

    def look(packet: Packet) -> None:
        if packet.payload.startswith(b"CREATE TABLE b"):
            seen.append((outcomes(gate.database)[1:], gate.database.rows("SELECT id FROM a")))

    gate.write(b_second="BEGIN; INSERT INTO a VALUES (1); CREATE TABLE b (id INT); INSERT INTO b VALUES (1); COMMIT;")
    watched(gate, look)
    assert seen == [([(1, "applied"), (2, "applied"), (3, "begun")], ((1,),))]
    assert gate.database.rows("SELECT id FROM b") == ((1,),)
    assert [outcome for _, outcome in outcomes(gate.database)] == ["applied"] * 6


# --- time ------------------------------------------------------------------------------------------------------------


def test_times_are_the_servers_also_after_a_long_wait_for_the_lock(gate: Gate) -> None:
    """And in UTC, whatever time zone a migration or our own process has."""
    gate.write(a_first="SET time_zone = '+09:00'; CREATE TABLE a (id INT);")
    with gate.database.connect().cursor() as cursor:
        cursor.execute("SELECT GET_LOCK(%s, 0)", (lock_name(gate.database.name),))
        start = gate.begin(TZ="Pacific/Kiritimati")
        until_said(start, "lock.waiting")
        threading.Event().wait(1.2)
        released = gate.database.value("SELECT UTC_TIMESTAMP(6)")
        cursor.execute("SELECT RELEASE_LOCK(%s)", (lock_name(gate.database.name),))
        assert start.wait() == 0
    now = gate.database.value("SELECT UTC_TIMESTAMP(6)")
    margin = datetime.timedelta(milliseconds=50)
    for (moment,) in (*entries(gate.database, "begun_at"), *starts(gate.database, "began_at")):
        assert released - margin <= moment <= now + margin
    assert said(start, "lock.taken")[0]["waited_seconds"] >= 1


# --- starts ----------------------------------------------------------------------------------------------------------


def starts(database: Database, columns: str) -> list[tuple[Any, ...]]:
    return list(database.rows(f"SELECT {columns} FROM schemagate_starts ORDER BY id"))


def test_each_start_that_took_the_lock_has_a_row(gate: Gate) -> None:
    """Who, of which release, with which outcome; one that had nothing to do and the commands that only look do not."""
    database = gate.database
    user, password = database.account("ALL ON {database}.*")
    gate.write(a_first="CREATE TABLE a (id INT PRIMARY KEY); INSERT INTO a VALUES (1);")
    gate.run(account=(user, password), SCHEMAGATE_STARTED_BY="pod-7", SCHEMAGATE_REVISION="v1.2.3")
    ((command, host, revision, account, code, event, message, applied),) = starts(
        database, "command, host, revision, account, exit_code, event, message, applied"
    )
    assert (command, host, revision, account) == ("up", "pod-7", "v1.2.3", f"{user}@%")
    assert (code, event, message, applied) == (0, "start.finished", None, 2)
    ((version, server_version, elapsed),) = starts(database, "version, server_version, elapsed_ms")
    assert version.count(".") >= 2
    assert server_version == ".".join(map(str, database.server.version[:3]))
    assert 0 <= elapsed < 60_000
    for words in ("up", "check", "status", "wait"):
        gate.run(words)
    assert len(starts(database, "id")) == 1


def test_the_row_of_a_start_says_how_it_ended(gate: Gate) -> None:
    """Each with its exit code, event and message, also where that is no error of a migration."""
    database = gate.database
    gate.write(a_first="CREATE TABLE a (id INT PRIMARY KEY); INSERT INTO a VALUES (1);").run()
    gate.write(b_second="INSERT INTO a VALUES (2); INSERT INTO a VALUES (1);")
    gate.run(expected=30)
    gate.write(b_second="INSERT INTO a VALUES (2); CREATE TABLE (id INT);")
    gate.run(expected=14)
    gate.write(b_second="INSERT INTO a VALUES (3);")
    gate.run(expected=12)
    assert starts(database, "exit_code, event, applied") == [
        (0, "start.finished", 2),
        (30, "statement.failed", 1),
        (14, "rehearsal.failed", 0),
        (12, "history.mismatch", 0),
    ]
    messages = [message for (message,) in starts(database, "message")]
    assert messages[0] is None
    assert "Duplicate entry '1'" in messages[1]
    assert "b_second.sql:1" in messages[2]
    assert "b_second" in messages[3]


def test_the_row_of_a_start_that_was_asked_to_stop_says_so(gate: Gate) -> None:
    """The statement that was sent is waited for, and is applied."""
    database = gate.database
    gate.write(a_first="CREATE TABLE a (id INT PRIMARY KEY);").run()
    gate.write(b_second="INSERT INTO a VALUES (1); SELECT SLEEP(0.7); INSERT INTO a VALUES (2);")
    start = gate.begin()
    query = "SELECT 1 FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP(0.7)%%' AND db = %s"
    until(lambda: bool(database.rows(query, database.name)), "it sleeps")
    start.process.terminate()
    assert start.wait() == 143
    assert starts(database, "exit_code, event, applied")[-1] == (143, "start.interrupted", 2)
    assert outcomes(database)[1:] == [(1, "applied"), (2, "applied")]
    assert last(gate.run())["applied"] == 1
    assert database.rows("SELECT id FROM a") == ((1,), (2,))


def test_the_row_of_a_start_says_when_a_right_is_missing(gate: Gate) -> None:
    """A refusal that no migration caused has an outcome, too."""
    database = gate.database
    gate.write(a_first="CREATE TABLE a (id INT PRIMARY KEY);").run()
    account = database.account("SELECT, INSERT, UPDATE, CREATE, ALTER, DROP, INDEX ON {database}.*")
    gate.write(b_second="ALTER TABLE a ADD COLUMN n INT;")
    start = gate.run(expected=13, account=account)
    assert last(start)["errno"] == 1142
    assert "DELETE" in last(start)["message"]
    assert starts(database, "exit_code, event")[-1] == (13, "database.access_denied")
    assert len(outcomes(database)) == 1


def test_without_the_right_to_make_its_tables_a_start_says_which(gate: Gate) -> None:
    """Exit 13 with the server's own words; nothing was made."""
    account = gate.database.account("SELECT, INSERT, UPDATE, DELETE ON {database}.*")
    gate.write(a_first="CREATE TABLE a (id INT PRIMARY KEY);")
    start = gate.run(expected=13, account=account)
    assert last(start)["errno"] == 1142
    assert "CREATE" in last(start)["message"]
    assert not gate.database.objects()


# --- what a file leaves in the session -------------------------------------------------------------------------------

SETTINGS = """
    SET SESSION sql_mode = 'ANSI', foreign_key_checks = 0, unique_checks = 0, time_zone = '+03:00';
    SET NAMES latin1;
    SET @leftover = 'something', @`other one` = 5;
    SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;
    SET group_concat_max_len = 4096, max_error_count = 7, sql_safe_updates = 1, sql_select_limit = 3;
    SET timestamp = 1000000000;
    SET sql_big_selects = 0, max_join_size = 1;
    SET lc_time_names = 'de_DE', div_precision_increment = 9, innodb_lock_wait_timeout = 3, lock_wait_timeout = 4;
    SET default_storage_engine = 'MyISAM', character_set_server = 'latin2', collation_connection = 'latin1_bin';
    CREATE TEMPORARY TABLE first (id INT);
    INSERT INTO first VALUES (1);
"""


def test_what_a_file_sets_is_not_inherited_by_the_next(gate: Gate) -> None:
    """Variables of the session and of users, and temporary tables: each file begins as the first one did."""
    database = gate.database
    source = "performance_schema.session" if database.server.flavour == "mysql" else "information_schema.SESSION"
    look = (
        f"INSERT INTO seen SELECT '%s', LOWER(VARIABLE_NAME), VARIABLE_VALUE FROM {source}_variables;"
        "INSERT INTO seen VALUES ('%s', '@leftover', @leftover), ('%s', '@other', @`other one`),"
        " ('%s', 'year', YEAR(NOW()));"
    )
    columns = "name VARCHAR(100) NOT NULL, value TEXT"
    gate.write(
        a_first=f"CREATE TABLE seen (at VARCHAR(10), {columns}); CREATE TABLE first (id INT PRIMARY KEY, n INT);"
        + look.replace("%s", "before"),
        b_second=SETTINGS,
        c_third=look.replace("%s", "after") + "INSERT INTO first VALUES (1, 1);",
    )
    gate.run(SCHEMAGATE_SHADOW="off")
    before, after = (
        dict(database.rows("SELECT name, value FROM seen WHERE at = %s", at)) for at in ("before", "after")
    )
    assert before["@leftover"] is None
    assert before["sql_mode"].startswith("ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES")
    restless = {"timestamp", "gtid_next", "last_gtid", "pseudo_thread_id", "rand_seed1", "rand_seed2"}
    restless |= {"insert_id", "last_insert_id", "identity", "warning_count", "error_count", "statement_id"}
    restless |= {"gtid_seq_no", "in_transaction", "session_track_transaction_info"}
    changed = {
        name: (before.get(name), after.get(name))
        for name in before.keys() | after.keys()
        if before.get(name) != after.get(name) and name not in restless
    }
    assert not changed
    assert len(before) > 200
    assert database.rows("SELECT id, n FROM first") == ((1, 1),)


def test_a_file_that_goes_on_has_its_settings_again(gate: Gate) -> None:
    """Those that were set before the statement that failed, which are not run again otherwise."""
    gate.database.run("CREATE TABLE parent (id INT PRIMARY KEY)", "CREATE TABLE t (id INT PRIMARY KEY, p INT)")
    gate.database.run("ALTER TABLE t ADD FOREIGN KEY (p) REFERENCES parent (id)")
    text = "SET foreign_key_checks = 0; INSERT INTO t VALUES (1, 1); INSERT INTO t VALUES (%s, 2);"
    gate.write(a_first=text % "1")
    gate.run(expected=30)
    gate.write(a_first=text % "2")
    assert last(gate.run())["applied"] == 1
    assert gate.database.rows("SELECT id FROM t") == ((1,), (2,))


def test_entries_of_very_many_statements_are_all_there(gate: Gate) -> None:
    """They are committed in batches; each batch with its rows."""
    count = 1203
    text = "".join(f"INSERT INTO a VALUES ({number});\n" for number in range(count))
    gate.write(a_first=f"CREATE TABLE a (id INT PRIMARY KEY);\n{text}")
    commits = []

    def look(packet: Packet) -> None:
        if packet.payload.startswith(b"COMMIT"):
            rows = gate.database.value("SELECT COUNT(*) FROM a")
            entered = gate.database.value("SELECT COUNT(*) FROM schemagate_journal WHERE kind = 'insert'")
            commits.append((rows, entered))

    watched(gate, look)
    assert len(commits) > 1
    assert all(rows == entered for rows, entered in commits)
    assert gate.database.value("SELECT COUNT(*) FROM a") == count
    assert gate.database.value("SELECT COUNT(DISTINCT ordinal) FROM schemagate_journal") == count + 1
