"""A start that is killed in the middle of a statement: the next one finds out what became of it, and goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from schemagate.schema import compare
from tests.database import schemas
from tests.database.gate import Gate, last, said
from tests.database.world import Start
from tests.databases import Database
from tests.wire import Packet, RecordingProxy


@pytest.fixture
def gate(database: Database, tmp_path: Path) -> Gate:
    database.may_leave_shadow = True  # the next start drops it; a test may end with one that needs none
    return Gate(database, tmp_path)


class Killer:
    """Kills a start with -9 when it comes to a statement: before the server has it, or when the server has done it."""

    def __init__(self, gate: Gate, statement: str, *, done: bool) -> None:
        self._gate, self._statement, self._done = gate, statement.encode(), done
        self._working: int | None = (
            None  # the connection with the journal; that of the shadow has the statement as well
        )
        self._sent = False
        self.start: Start | None = None

    def __call__(self, packet: Packet) -> None:
        if b"INSERT INTO" in packet.payload and b".schemagate_starts " in packet.payload:
            self._working = packet.connection
        if packet.connection != self._working:
            return
        if self._sent or (packet.payload.startswith(self._statement) and not self._done):
            assert self.start
            self.start.process.kill()
            raise ConnectionError("killed")
        self._sent = packet.payload.startswith(self._statement)

    def run(self, variables: Mapping[str, str]) -> None:
        """A start that is killed so."""
        server = self._gate.database.server
        with RecordingProxy(server.host, server.port, before=self) as proxy:
            self.start = self._gate.begin(
                environment={
                    "MYSQL_HOST": proxy.host,
                    "MYSQL_PORT": str(proxy.port),
                    "SCHEMAGATE_TLS": "off",
                    **variables,
                }
            )
            code = self.start.wait()
        assert code == -9, self.start.text


def killed(gate: Gate, statement: str, *, done: bool, **variables: str) -> None:
    """A start that is killed before this statement is sent, or when it is done and nobody was told."""
    Killer(gate, statement, done=done).run(variables)


def settled(start: Start) -> list[tuple[str, int, str]]:
    """Migration, ordinal and outcome of what a start settled."""
    return [(line["migration"], line["ordinal"], line["outcome"]) for line in said(start, "statement.settled")]


FIRST = """
    CREATE TABLE parents (id INT PRIMARY KEY, name VARCHAR(20));
    CREATE TABLE children (id INT PRIMARY KEY, parent INT, n INT, KEY (parent),
        CONSTRAINT of_parent FOREIGN KEY (parent) REFERENCES parents (id));
    CREATE TABLE other (id INT PRIMARY KEY);
    CREATE VIEW names AS SELECT name FROM parents;
    CREATE VIEW more AS SELECT name FROM names;
    CREATE TRIGGER grows BEFORE INSERT ON children FOR EACH ROW SET NEW.n = NEW.n + 1, @a = '\\\\d';
    INSERT INTO parents VALUES (1, 'ada'), (2, 'bob');
    INSERT INTO children VALUES (1, 1, 1), (2, 2, 2);
"""
EVERY_KIND = (
    "CREATE TABLE made (id INT PRIMARY KEY, t TEXT)",
    "ALTER TABLE parents ADD COLUMN a INT, ALGORITHM=INSTANT",
    "ALTER TABLE children ADD INDEX by_n (n), ALGORITHM=INPLACE",
    "ALTER TABLE parents MODIFY COLUMN a BIGINT, ALGORITHM=COPY",
    "CREATE INDEX by_name ON parents (name)",
    "RENAME TABLE parents TO elders",
    "CREATE OR REPLACE VIEW names AS SELECT name, a FROM elders",
    "CREATE TRIGGER second BEFORE INSERT ON children FOR EACH ROW FOLLOWS grows SET NEW.n = NEW.n * 2, @b = 'can\\'t'",
    "DROP TRIGGER grows",
    "CREATE PROCEDURE nothing() SELECT 1",
    "CREATE FUNCTION one() RETURNS INT DETERMINISTIC RETURN 1",
    "CREATE EVENT daily ON SCHEDULE EVERY 1 DAY DISABLE DO DELETE FROM other",
    "ALTER EVENT daily RENAME TO nightly",
    "DROP INDEX by_n ON children",
    "DROP PROCEDURE nothing",
    "DROP VIEW more",
    "DROP TABLE made, other",
)


@pytest.mark.parametrize(("shadow", "odd"), [("auto", True), ("auto", False), ("off", False)])
def test_a_start_killed_at_any_statement_of_structure_is_settled(gate: Gate, shadow: str, odd: bool) -> None:
    """Killed before the server has it, it was not applied, and is run; killed when it was done, it is not run again."""
    gate.write(a_first=FIRST).run()
    gate.write(b_second=";\n".join(EVERY_KIND))
    expected = []
    for ordinal, statement in enumerate(EVERY_KIND, start=1):
        done = (ordinal % 2 == 1) == odd
        killed(gate, statement, done=done, SCHEMAGATE_SHADOW=shadow)
        assert newest(gate.database)[:3] == (ordinal, "begun", True)
        expected += [(ordinal, "applied")] if done else [(ordinal, "applied"), (ordinal, "failed")]
    start = gate.run(SCHEMAGATE_SHADOW=shadow)
    assert settled(start) == [("b_second", len(EVERY_KIND), "applied" if odd else "not applied")]
    rows = gate.database.rows("SELECT ordinal, outcome, note FROM schemagate_journal WHERE migration = 'b_second'")
    assert sorted((ordinal, outcome) for ordinal, outcome, _ in rows) == expected
    notes = {"failed": "not applied: ", "applied": "applied: "}
    assert all(note is None or note.startswith(notes[outcome]) for _, outcome, note in rows)
    assert newest(gate.database)[2:] == (False, False)
    assert_like_undisturbed(gate)
    assert last(gate.run())["unchanged"] is True


def newest(database: Database) -> tuple[int, str, bool, bool]:
    """Ordinal and outcome of the newest entry; has it hashes of before, and of after?"""
    ((ordinal, outcome, before, after),) = database.rows(
        "SELECT ordinal, outcome, hashes_before, hashes_after FROM schemagate_journal ORDER BY id DESC LIMIT 1"
    )
    return ordinal, outcome, before is not None, after is not None


def assert_like_undisturbed(gate: Gate) -> None:
    """What is there is what a start makes that nobody kills."""
    database = gate.database
    other = database.another()
    undisturbed = gate.begin(MYSQL_DATABASE=other)
    assert undisturbed.wait() == 0
    differences = compare(schemas.read(database, other), schemas.read(database))
    assert not differences, schemas.told(differences)


# --- on an empty schema ---


EMPTY = (
    "CREATE TABLE a (id INT PRIMARY KEY, n INT)",
    "ALTER TABLE a ADD COLUMN m INT",
    "CREATE VIEW seen AS SELECT n FROM a",
    "DROP TABLE b",
)
BEFORE_DROP = "CREATE TABLE b (id INT PRIMARY KEY); INSERT INTO a VALUES (1, 1, 1)"


@pytest.mark.parametrize("done", [False, True], ids=["not-sent", "done"])
@pytest.mark.parametrize(
    ("statement", "shadow"), [*((each, "auto") for each in EMPTY), (EMPTY[0], "off"), (EMPTY[1], "off")]
)
def test_a_first_start_is_settled_by_telling_it_again(gate: Gate, statement: str, done: bool, shadow: str) -> None:
    """What built everything from nothing took nothing down; where there is no shadow, it did."""
    gate.write(a_first="; ".join([*EMPTY[:3], BEFORE_DROP, EMPTY[3]]))
    killed(gate, statement, done=done, SCHEMAGATE_SHADOW=shadow)
    ordinal = {EMPTY[3]: 6}.get(statement, EMPTY.index(statement) + 1)
    looked = shadow == "off"
    foreseen = looked and statement.startswith("DROP ")  # what is dropped is gone
    assert newest(gate.database) == (ordinal, "begun", looked, foreseen)
    start = gate.run(SCHEMAGATE_SHADOW=shadow)
    assert settled(start) == [("a_first", ordinal, "applied" if done else "not applied")]
    assert last(start)["applied"] == 6 - ordinal + (not done)
    assert gate.database.rows("SELECT * FROM a") == ((1, 1, 1),)
    assert_like_undisturbed(gate)


def test_structure_on_an_empty_schema_takes_two_round_trips_a_statement(gate: Gate) -> None:
    """The entry and the statement; what settling needs is found out when it is needed."""
    gate.write(a_first=";".join(f"CREATE TABLE t{number} (id INT)" for number in range(20)))
    server = gate.database.server
    with RecordingProxy(server.host, server.port) as proxy:
        gate.run(MYSQL_HOST=proxy.host, MYSQL_PORT=str(proxy.port), SCHEMAGATE_TLS="off", SCHEMAGATE_LOCK_SECONDS="99")
    sent = proxy.queries
    first, final = (sent.index(b"CREATE TABLE t%d (id INT)" % number) for number in (0, 19))
    others = [query for query in sent[first:final] if b"IS_USED_LOCK" not in query]
    assert len(others) == 2 * 19


# --- what an earlier version wrote ---


def test_a_journal_of_an_earlier_version_is_brought_up_to_date(gate: Gate) -> None:
    """By the first start that writes; those that only look take it as it is."""
    gate.write(a_first="CREATE TABLE a (id INT PRIMARY KEY);").run()
    database = gate.database
    database.run("ALTER TABLE schemagate_journal DROP COLUMN hashes_before, DROP COLUMN hashes_after")
    reader = database.account("SELECT, SHOW VIEW, TRIGGER, EVENT ON {database}.*")
    gate.write(b_second="CREATE TABLE b (id INT PRIMARY KEY);")
    gate.run("status", account=reader)
    gate.run("check", 23, account=reader)
    database.run("UPDATE schemagate_journal SET outcome = 'begun'")
    gate.run("status", account=reader)
    gate.run("check", 31, account=reader)
    assert settled(gate.run()) == [("a_first", 1, "applied")]
    assert newest(database) == (1, "applied", False, False)
    assert last(gate.run())["unchanged"] is True


# --- for those who only look ---


@pytest.mark.parametrize("done", [False, True], ids=["not-sent", "done"])
def test_check_and_status_foresee_what_up_will_find(gate: Gate, done: bool) -> None:
    """With the rights of a reader; and they write nothing."""
    database = gate.database
    gate.write(a_first=FIRST).run()
    gate.write(b_second="ALTER TABLE children ADD COLUMN m INT;")
    killed(gate, "ALTER TABLE children ADD COLUMN m", done=done)
    reader = database.account("SELECT, SHOW VIEW, TRIGGER, EVENT ON {database}.*")
    checked = last(gate.run("check", 23, account=reader))
    happened = "has happened" if done else "has not happened"
    assert f"statement 1 of b_second, which {happened}" in checked["message"]
    text = gate.run("status --json", account=reader).text
    status = json.loads(next(line for line in text.splitlines() if line.startswith('{"database"')))
    (row,) = [each for each in status["migrations"] if each["migration"] == "b_second"]
    assert (row["state"], row["detail"].split("; ")[1]) == ("in doubt", f"it {happened}, and `up` will note that")
    assert newest(database)[:2] == (1, "begun")
    assert settled(gate.run()) == [("b_second", 1, "applied" if done else "not applied")]


# --- what cannot be told ---


def test_what_leaves_no_trace_is_asked_about_and_the_hashes_are_told(gate: Gate) -> None:
    """Rehearsed, a swap of two equal tables is the same before and after; not rehearsed, too. No row tells either."""
    gate.write(
        a_first="CREATE TABLE a (id INT PRIMARY KEY); CREATE TABLE b (id INT PRIMARY KEY);"
        "INSERT INTO a VALUES (1); INSERT INTO b VALUES (1);"
    ).run()
    gate.write(b_second="RENAME TABLE a TO c, b TO a, c TO b;")
    for shadow in ("auto", "off"):
        killed(gate, "RENAME TABLE", done=False, SCHEMAGATE_SHADOW=shadow)
        line = last(gate.run(expected=31, SCHEMAGATE_SHADOW=shadow))
        assert "leaves nothing in the schema" in line["message"]
        assert {"table a", "table b"} <= line["recorded"].keys()
        assert line["next"] == "schemagate resolve b_second:1 --applied | --not-applied"
        gate.run("resolve b_second:1 --not-applied")


def test_a_schema_that_somebody_changed_meanwhile_is_asked_about(gate: Gate) -> None:
    """It is neither as before nor as predicted: what was recorded, predicted and found is told."""
    gate.write(a_first="CREATE TABLE a (id INT PRIMARY KEY);").run()
    gate.write(b_second="ALTER TABLE a ADD COLUMN n INT;")
    killed(gate, "ALTER TABLE a", done=True)
    gate.database.run("ALTER TABLE a ADD COLUMN by_hand INT")
    line = last(gate.run(expected=31))
    hashes = [line[name]["table a"] for name in ("recorded", "predicted", "found")]
    assert len(set(hashes)) == 3
    gate.database.run("ALTER TABLE a DROP COLUMN by_hand")
    assert settled(gate.run()) == [("b_second", 1, "applied")]


@pytest.mark.parametrize("done", [False, True], ids=["not-sent", "done"])
def test_a_statement_that_was_edited_since_is_settled_as_it_was_begun(gate: Gate, done: bool) -> None:
    """Not applied, the new text is run; applied, the edit is refused like any other."""
    gate.write(a_first="CREATE TABLE a (id INT PRIMARY KEY);").run()
    gate.write(b_second="ALTER TABLE a ADD COLUMN n INT;")
    killed(gate, "ALTER TABLE a", done=done)
    gate.write(b_second="ALTER TABLE a ADD COLUMN m BIGINT;")
    start = gate.run(expected=12 if done else 0)
    assert settled(start) == [("b_second", 1, "applied" if done else "not applied")]


def test_what_nobody_could_see_is_written_down_at_once(gate: Gate) -> None:
    """A start that is killed later, though no entry was begun since, does not ask about a CALL that it was told of."""
    gate.write(a_first=FIRST, b_second="CREATE PROCEDURE fills() INSERT INTO other VALUES (1);").run()
    gate.write(c_third="CALL fills(); SET @n = 2; INSERT INTO other VALUES (@n);")
    killed(gate, "SET @n = 2", done=False)
    assert newest(gate.database)[:2] == (1, "applied")
    start = gate.run()
    assert settled(start) == []
    assert gate.database.rows("SELECT id FROM other ORDER BY id") == ((1,), (2,))
