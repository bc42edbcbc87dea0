"""What is taken back is not taken for applied; what commits by itself is begun before; and the session stays ours."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.database.gate import Gate, last, said, until_said
from tests.database.world import Start, until
from tests.databases import Database
from tests.wire import Packet, RecordingProxy


@pytest.fixture
def gate(database: Database, tmp_path: Path) -> Gate:
    return Gate(database, tmp_path)


def entries(database: Database, columns: str = "migration, ordinal, outcome, errno") -> list[tuple[Any, ...]]:
    """The journal, in the order in which the entries were begun."""
    return list(database.rows(f"SELECT {columns} FROM schemagate_journal ORDER BY id"))


def watched(gate: Gate, before: Callable[[Packet], None]) -> Start:
    """A start that succeeds, and of whose every statement `before` is told before the server is."""
    server = gate.database.server
    with RecordingProxy(server.host, server.port, before=before) as proxy:
        there = {"MYSQL_HOST": proxy.host, "MYSQL_PORT": str(proxy.port), "SCHEMAGATE_TLS": "off"}
        return gate.run(environment=there, SCHEMAGATE_SHADOW="off")


# --- transactions that the server takes back -------------------------------------------------------------------------


@pytest.mark.parametrize("error", [1213, 1205], ids=["deadlock", "lock-wait"])
def test_a_transaction_that_is_taken_back_is_not_applied(gate: Gate, error: int) -> None:
    """Data statements beside each other are one transaction: where the server ends it, none of them has an entry that
    says so, and the next start does each of them once.
    """
    database = gate.database
    gate.write(
        a_first="""
            CREATE TABLE t (id INT PRIMARY KEY, n INT);
            CREATE TABLE heavy (id INT PRIMARY KEY, n INT);
            INSERT INTO t VALUES (1, 0), (2, 0);
            INSERT INTO heavy VALUES (1, 0), (2, 0), (3, 0), (4, 0), (5, 0), (6, 0), (7, 0), (8, 0), (9, 0);
        """
    ).run()
    gate.write(
        b_second="""
            UPDATE t SET n = n + 1 WHERE id = 1;
            INSERT INTO t VALUES (3, 3);
            UPDATE t SET n = n + 10 WHERE id = 2;
            INSERT INTO t VALUES (4, 4);
        """
    )
    other = database.connect(autocommit=False)
    with other.cursor() as cursor:
        cursor.execute("UPDATE heavy SET n = n + 1")  # whoever has changed less is the victim
        cursor.execute("UPDATE t SET n = n + 100 WHERE id = 2")
        patience = "30" if error == 1213 else "1"
        start = gate.begin(SCHEMAGATE_SHADOW="off", SCHEMAGATE_LOCK_WAIT_SECONDS=patience, SCHEMAGATE_RETRIES="0")
        until(lambda: waits(database, "UPDATE t SET n = n + 10 %"), "the third statement waits")
        if error == 1213:
            cursor.execute("UPDATE t SET n = n + 100 WHERE id = 1")
        assert start.wait() == 30, start.text
        other.rollback()
    assert last(start)["errno"] == error
    assert last(start)["state"].startswith("0 of 4")
    assert "Statements 1 to 3 are one transaction, which was taken back" in last(start)["message"]
    assert [entry for entry in entries(database) if entry[0] == "b_second"] == [("b_second", 3, "failed", error)]
    assert database.rows("SELECT id, n FROM t ORDER BY id") == ((1, 0), (2, 0))
    gate.run(SCHEMAGATE_SHADOW="off")
    assert database.rows("SELECT id, n FROM t ORDER BY id") == ((1, 1), (2, 10), (3, 3), (4, 4))
    done = [entry[1:3] for entry in entries(database) if entry[0] == "b_second" and entry[2] == "applied"]
    assert done == [(1, "applied"), (2, "applied"), (3, "applied"), (4, "applied")]


def waits(database: Database, pattern: str) -> bool:
    """Does a session in the schema run a statement like this?"""
    query = "SELECT 1 FROM information_schema.processlist WHERE db = %s AND info LIKE %s"
    return bool(database.rows(query, database.name, pattern))


# --- what commits by itself ------------------------------------------------------------------------------------------

ENGINES = {
    "innodb": "CREATE TABLE t (id INT)",
    "a view on innodb": "CREATE TABLE base (id INT); CREATE VIEW t AS SELECT id FROM base",
    "myisam": "CREATE TABLE t (id INT) ENGINE=MyISAM",
    "a view on myisam": "CREATE TABLE base (id INT) ENGINE=MyISAM; CREATE VIEW t AS SELECT id FROM base",
    "a view on a view on myisam": """
        CREATE TABLE base (id INT) ENGINE=MyISAM; CREATE VIEW v AS SELECT id FROM base;
        CREATE VIEW t AS SELECT id FROM v""",
    "a column that says innodb": "CREATE TABLE t (`\n) ENGINE=InnoDB` INT) ENGINE=MyISAM",
    "memory": "CREATE TABLE t (id INT) ENGINE=MEMORY",
}
OF_MARIADB = {
    "aria": "CREATE TABLE t (id INT) ENGINE=Aria",
    "versioned aria": "CREATE TABLE t (id INT) ENGINE=Aria WITH SYSTEM VERSIONING",
    "versioned innodb": "CREATE TABLE t (id INT) ENGINE=InnoDB WITH SYSTEM VERSIONING",
}


def test_data_goes_together_with_its_entry_only_where_that_can_be_taken_back(gate: Gate) -> None:
    """Into anything but a table of InnoDB the entry is there before the statement is sent, and says that it was begun:
    there, no transaction keeps the two together.
    """
    database = gate.database
    engines = ENGINES | (OF_MARIADB if database.server.flavour == "mariadb" else {})
    seen: list[str] = []

    def look(packet: Packet) -> None:
        if packet.payload.startswith(b"INSERT INTO t"):
            seen.append(entries(database, "outcome")[-1][0])

    for number, making in enumerate(engines.values()):
        gate.write(**{f"{number}_a": making.replace(" t ", f" t{number} ") + ";"})
        gate.write(**{f"{number}_b": f"INSERT INTO t{number} VALUES (1);"})
        gate.write(**{f"{number}_c": "DROP VIEW IF EXISTS v; DROP TABLE IF EXISTS base;"})
    watched(gate, look)
    assert dict(zip(engines, seen, strict=True)) == {
        name: "applied" if name in ("innodb", "versioned innodb", "a view on innodb") else "begun" for name in engines
    }
    assert {outcome for (outcome,) in entries(database, "outcome")} == {"applied"}


ONE_AFTER_THE_OTHER = {
    "CREATE TABLE a (id INT)": "applied",
    "CREATE TABLE b (id INT)": "applied",
    "ALTER TABLE b ENGINE=MyISAM": "begun",
    "CREATE TABLE c (id INT)": "applied",
    "SET default_storage_engine = MyISAM; CREATE TABLE d (id INT)": "begun",
    "RENAME TABLE c TO e, d TO c": "begun",
    "DROP TABLE c; CREATE TABLE c (id INT) ENGINE=InnoDB": "applied",
    "CREATE TABLE f LIKE b": "begun",
    "CREATE TABLE IF NOT EXISTS b (id INT)": "begun",
    "CREATE INDEX by_id ON a (id)": "applied",
}


def test_the_engine_of_a_table_is_known_after_every_statement_that_may_decide_it(gate: Gate) -> None:
    """Whether a table was made without naming an engine, or got another one, or another table's name: a change of its
    rows is committed with its entry in InnoDB alone.
    """
    seen: list[str] = []

    def look(packet: Packet) -> None:
        if packet.payload.startswith(b"INSERT INTO") and b"`" not in packet.payload:
            seen.append(entries(gate.database, "outcome")[-1][0])

    tables = ["a", "b", "b", "c", "d", "c", "c", "f", "b", "a"]
    texts = [
        f"{making}; INSERT INTO {name} VALUES (1)" for making, name in zip(ONE_AFTER_THE_OTHER, tables, strict=True)
    ]
    gate.write(a_first=";\n".join(texts) + ";")
    watched(gate, look)
    assert dict(zip(ONE_AFTER_THE_OTHER, seen, strict=True)) == ONE_AFTER_THE_OTHER
    assert {outcome for (outcome,) in entries(gate.database, "outcome")} == {"applied"}


def test_a_file_may_write_its_transaction_under_a_mode_that_hides_engines(gate: Gate) -> None:
    """With sql_mode ANSI the text of a table does not say in which engine it is; elsewhere it is to be found."""
    gate.write(a_first="CREATE TABLE a (id INT) ENGINE=InnoDB; CREATE TABLE old (id INT) ENGINE=MyISAM;").run()
    gate.write(
        b_second="SET sql_mode = 'ANSI'; BEGIN; INSERT INTO a VALUES (1); INSERT INTO a VALUES (2); COMMIT;"
    ).run()
    assert gate.database.rows("SELECT id FROM a ORDER BY id") == ((1,), (2,))
    gate.write(c_third="SET sql_mode = 'ANSI'; BEGIN; INSERT INTO old VALUES (1); COMMIT;")
    assert last(gate.run(expected=11))["ordinal"] == 3


def test_of_tables_made_without_naming_an_engine_only_the_first_is_asked_about(gate: Gate) -> None:
    """The server would have to open each right after it was made, for us alone."""
    asked: list[bytes] = []

    def look(packet: Packet) -> None:
        if packet.payload.startswith(b"SHOW CREATE TABLE `" + gate.database.name.encode()):
            asked.append(packet.payload)

    for number in range(4):
        gate.write(**{f"{number}_a": f"CREATE TABLE t{number} (id INT); INSERT INTO t{number} VALUES (1);"})
    watched(gate, look)
    assert len(asked) == 1


EXECUTED = {
    "PREPARE p FROM 'INSERT INTO t VALUES (?)'; SET @a = 1; EXECUTE p USING @a": "applied",
    "PREPARE p FROM 'INSERT INTO old VALUES (?)'; SET @a = 1; EXECUTE p USING @a": "begun",
    "SET @s = 'INSERT INTO t VALUES (2)'; PREPARE p FROM @s; EXECUTE p": "begun",
    "PREPARE p FROM 'INSERT INTO t VALUES (3)'; CALL another(); EXECUTE p": "begun",
    "PREPARE p FROM 'CREATE TABLE u (id INT)'; EXECUTE p": "begun",
}


def test_what_executes_data_that_the_file_shows_goes_together_with_its_entry(gate: Gate) -> None:
    """As if the data statement stood there itself; where nobody can know which it is, the entry is begun before."""
    seen: list[str] = []

    def look(packet: Packet) -> None:
        if packet.payload.startswith(b"EXECUTE"):
            seen.append(entries(gate.database, "outcome")[-1][0])

    gate.write(a_first="CREATE TABLE t (id INT); CREATE TABLE old (id INT) ENGINE=MyISAM;")
    gate.write(b_second="CREATE PROCEDURE another() DO 1;")
    for number, text in enumerate(EXECUTED):
        gate.write(**{f"c_{number}": text + ";"})
    watched(gate, look)
    assert dict(zip(EXECUTED, seen, strict=True)) == EXECUTED
    assert {outcome for (outcome,) in entries(gate.database, "outcome")} == {"applied"}
    assert gate.database.rows("SELECT id FROM t ORDER BY id") == ((1,), (2,), (3,))


def test_a_transaction_of_the_file_may_execute_data_that_the_file_shows(gate: Gate) -> None:
    """It is taken back with the rest of it; an EXECUTE of which nobody knows what it runs is refused there."""
    gate.write(a_first="CREATE TABLE t (id INT PRIMARY KEY);").run()
    prepared = "PREPARE p FROM 'INSERT INTO t VALUES (?)'; SET @a = 1, @b = 2;"
    gate.write(b_second=f"{prepared} BEGIN; EXECUTE p USING @a; EXECUTE p USING @a; COMMIT;")
    assert last(gate.run(expected=30))["errno"] == 1062
    assert gate.database.rows("SELECT id FROM t") == ()
    gate.write(b_second=f"{prepared} BEGIN; EXECUTE p USING @a; EXECUTE p USING @b; COMMIT;").run()
    assert gate.database.rows("SELECT id FROM t ORDER BY id") == ((1,), (2,))
    gate.write(c_third="SET @s = 'DELETE FROM t'; PREPARE p FROM @s; BEGIN; EXECUTE p; COMMIT;")
    assert last(gate.run(expected=11))["ordinal"] == 4


# --- the session -----------------------------------------------------------------------------------------------------


def test_a_file_that_changes_the_schema_behind_our_back_does_not_lead_the_rest_astray(gate: Gate) -> None:
    """USE is refused in a file; built into text that the server runs, it lasts no longer than its statement."""
    database, elsewhere = gate.database, gate.database.another()
    prepared = f"PREPARE p FROM 'USE {elsewhere}'; EXECUTE p; DEALLOCATE PREPARE p;"
    ways = [f"EXECUTE IMMEDIATE 'USE {elsewhere}';", prepared] if database.server.flavour == "mariadb" else [prepared]
    for number, way in enumerate(ways):
        gate.write(**{f"{number}_first": f"CREATE TABLE a{number} (id INT); {way} CREATE TABLE b{number} (id INT);"})
        gate.write(**{f"{number}_second": f"INSERT INTO b{number} VALUES (1); CREATE TABLE c{number} (id INT);"})
        if database.server.flavour == "mysql":  # it does not let itself be misled
            assert last(gate.run(expected=30))["errno"] == 1295
            return
        gate.run()
        made = {("table", f"{letter}{number}") for letter in "abc"}
        assert made <= database.objects()
    assert database.objects(elsewhere) == set()


def test_names_and_errors_survive_another_character_set_of_the_session(gate: Gate) -> None:
    """SET NAMES in a file changes how the rest of its text is read, and nothing in our own tables."""
    name, table = "01_für_表_😀", "größe"
    head = f"CREATE TABLE `{table}` (id INT PRIMARY KEY); SET NAMES latin1; INSERT INTO t VALUES (1);"
    gate.write(**{"00": "CREATE TABLE t (id INT PRIMARY KEY);", name: f"{head} INSERT INTO t VALUES (1);"})
    failed = gate.run(expected=30)
    assert last(failed)["migration"] == name
    assert (name, 4, "failed", 1062) in entries(gate.database)
    gate.write(**{name: f"{head} ALTER TABLE t ADD COLUMN n INT; INSERT INTO t VALUES (2, 2);"})
    gate.run()
    assert [entry[:3] for entry in entries(gate.database) if entry[2] == "applied"][1:] == [
        (name, ordinal, "applied") for ordinal in range(1, 6)
    ]
    assert last(gate.run())["unchanged"] is True
    assert name in gate.run("status").text


def test_rights_may_come_from_a_role_and_no_file_may_give_it_away(gate: Gate) -> None:
    """The default role of the account is active in each of our sessions. Without it the journal could not be written,
    so that SET ROLE is refused before anything is run.
    """
    database, role = gate.database, f"role_{gate.database.name}"
    user, _ = account = database.account()
    database.run(f"CREATE ROLE {role}")
    try:
        database.run(f"GRANT ALL ON {database.name}.* TO {role}", f"GRANT ALL ON {database.shadow}.* TO {role}")
        database.run(f"GRANT {role} TO '{user}'@'%'")
        gate.write(a_first="CREATE TABLE a (id INT PRIMARY KEY); INSERT INTO a VALUES (1);")
        assert last(gate.run(expected=13, account=account, SCHEMAGATE_GRACE_SECONDS="0"))["errno"] == 1044
        whom = "TO" if database.server.flavour == "mysql" else "FOR"
        database.run(f"SET DEFAULT ROLE {role} {whom} '{user}'@'%'")
        gate.run(account=account)
        gate.write(b_second="ALTER TABLE a ADD COLUMN n INT;")
        assert said(gate.run(account=account), "rehearsal.passed")
        gate.write(c_third="CREATE TABLE c (id INT);\nSET ROLE NONE;")
        refused = gate.run(expected=11, account=account)
        assert last(refused)["line"] == 2
        assert ("table", "c") not in database.objects()
    finally:
        database.run(f"DROP ROLE {role}")


# --- being asked to stop ---------------------------------------------------------------------------------------------


def test_a_command_is_not_begun_where_the_last_statement_was_asked_to_stop(gate: Gate) -> None:
    """The statement is waited for and stays applied; the next start has nothing to apply, and begins the command."""
    database, flag = gate.database, gate.folder / "began"
    gate.write(a_first="CREATE TABLE a (id INT PRIMARY KEY);", b_last="DO SLEEP(0.8);")
    start = gate.begin(f"up -- touch {flag}")
    until(lambda: waits(database, "DO SLEEP%"), "the last statement")
    start.process.send_signal(signal.SIGTERM)
    assert start.wait() == 143, start.text
    assert last(start)["event"] == "start.interrupted"
    assert not flag.exists()
    assert entries(database)[-1] == ("b_last", 1, "applied", None)
    again = gate.begin(f"up -- touch {flag}")
    assert again.wait() == 0
    until_said(again, "start.finished", applied=0)
    assert flag.exists()
