"""What is missing is made again as it was, or nothing is touched."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pymysql
import pytest

from schemagate.ddl import changes, script
from schemagate.healed import FOUND, NOT_FOUND
from schemagate.refusals import ServerError
from schemagate.schema import Schema, SchemaObject, compare
from tests.crash.starts import Start, Starter
from tests.database import everything, shipped
from tests.database.gate import Gate, last, said, until_said
from tests.database.schemas import read, session, told
from tests.database.test_orphans import runs
from tests.database.test_survives import application
from tests.database.world import until
from tests.databases import Database, quoted
from tests.wire import Packet, RecordingProxy

CASES = 60  # of each schema and mode of healing
WITH_SHADOW = 8  # one case in so many is tried in the shadow first, which takes longer
SAFE = ("index", "foreign key", "check")
HOLDING_NO_DATA = ("view", "trigger", "procedure", "function")


class Patient:
    """A database behind the gate, hurt and healed again and again. Each start is the real program."""

    def __init__(self, database: Database, folder: Path, starter: Starter, files: dict[str, str] | None) -> None:
        self.database, self._folder, self._starter, self._count = database, folder, starter, 0
        self.migrations = folder / "migrations"
        if files is None:
            shutil.copytree(shipped.MIGRATIONS, self.migrations, ignore=shutil.ignore_patterns("schema.sql"))
        else:
            self.migrations.mkdir()
            for name, text in files.items():
                self.migrations.joinpath(f"{name}.sql").write_text(text, "utf-8")
        for words in ("snapshot", "up"):
            start = self.start(words)
            assert start.code == 0, start.text
        self._fill()
        self.whole = read(database)
        self.rows = self.all_rows()

    def start(self, words: str = "up", **variables: str) -> Start:
        """A start and its end."""
        start = self.begin(words, **variables)
        assert start.wait(60) is not None, start.text
        return start

    def begin(self, words: str = "up", **variables: str) -> Start:
        """A start that is not waited for."""
        self._count += 1
        known = {"SCHEMAGATE_MIGRATIONS": str(self.migrations), "SCHEMAGATE_LOG_FORMAT": "json"}
        environment = {**self.database.environment(), **known, **variables}
        return self._starter.begin(words.split(), environment, self._folder / f"output-{self._count}")

    def _fill(self) -> None:
        """A row or two in each of the shipped tables; `everything` brings its own."""
        if ("table", "workflows") not in self.database.objects():
            return
        put = partial(shipped.insert, self.database)
        put("workflows", id=1, workflow_type="feature", target_module="a", pr_url="https://x/1")
        put("workflows", id=2, workflow_type="bugfix", parent_workflow_id=1)
        put("agent_executions", id=1, workflow_id=1, agent_type="plan", conversation_history='[{"a": 1}]')
        put("artifacts", id=1, workflow_id=1, agent_execution_id=1, artifact_type="plan")
        put("execution_logs", id=1, workflow_id=2, agent_execution_id=1, message="said")
        put("environment_variables", id=1, key_name="k", key_value="v")
        put("module_settings", id=1, module_name="m")
        put("workflow_modules", id=1, workflow_id=1, module_name="m")
        put("sub_workflow_queue", id=1, parent_workflow_id=1, child_workflow_id=2, execution_order=1)
        put("workflow_messages", id=1, workflow_id=1, agent_execution_id=1, message_type="user", content="hello")

    def refill(self) -> None:
        """The rows as at first: with a table that was dropped, what its rows' children point to is gone."""
        with self.database.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SET SESSION foreign_key_checks = 0")
            for table in self.rows:
                cursor.execute(f"DELETE FROM {quoted(table)}")
            if ("table", "people") in self.whole.objects:
                for statement in shipped.read(everything.ROWS, "rows.sql"):
                    cursor.execute(statement.text)
        self._fill()
        self.rows = self.all_rows()

    def all_rows(self) -> dict[str, list[dict[str, Any]]]:
        """The rows of each table."""
        answer = {}
        with self.database.connect() as connection, connection.cursor(pymysql.cursors.DictCursor) as cursor:
            for kind, name in sorted(read(self.database).objects):
                if kind == "table":
                    cursor.execute(f"SELECT * FROM {quoted(name)} ORDER BY 1, 2")
                    answer[name] = list(cursor.fetchall())
        return answer

    def lost_rows(self, hurt: Schema) -> list[str]:
        """What of the rows in tables and columns that had not been dropped is not as it was."""
        now = self.all_rows()
        return [
            f"{name}.{column}"
            for name, rows in self.rows.items()
            if ("table", name) in hurt.objects
            for column in columns(hurt.objects["table", name])
            if [row.get(column) for row in rows] != [row.get(column) for row in now[name]]
        ]

    def mend(self) -> None:
        """As at first: by the DDL that turns the one schema into the other, or from nothing where that does not do."""
        now = read(self.database)
        with session(self.database) as connection, suppress(ServerError):
            for _, text in script(changes(self.whole, now), now.collation):
                connection.run(text)
        if compare(self.whole, read(self.database)):
            self.renew()
        self.refill()

    def renew(self) -> None:
        """As at first, from nothing."""
        name = quoted(self.database.name)
        self.database.run(f"DROP DATABASE {name}", f"CREATE DATABASE {name} CHARACTER SET utf8mb4", f"USE {name}")
        start = self.start(SCHEMAGATE_SHADOW="off")
        assert start.code == 0, start.text
        self._fill()
        assert compare(self.whole, read(self.database)) == ()


def columns(table: SchemaObject) -> list[str]:
    return [part.name for part in table.parts if part.kind == "column"]


# --- what hurts ---


def wounds(whole: Schema, mode: str) -> list[str]:
    """Statements that each take something away."""
    found = []
    for (kind, name), each in whole.objects.items():
        if kind in HOLDING_NO_DATA:
            found += [f"DROP {kind.upper()} {quoted(name)}"] * 2
        elif kind == "table":
            found += [text for part in each.parts if (text := _of_a_table(name, part.kind, part.name, mode))]
            if mode == "all":
                found += [f"DROP TABLE {quoted(name)}"] * 2
    return found


def _of_a_table(table: str, kind: str, name: str, mode: str) -> str | None:
    alter = f"ALTER TABLE {quoted(table)}"
    if kind == "index":
        return f"{alter} DROP PRIMARY KEY" if name == "PRIMARY" else f"{alter} DROP KEY {quoted(name)}"
    if kind == "key":
        return f"{alter} DROP FOREIGN KEY {quoted(name)}"
    if kind == "check":
        return f"{alter} DROP CONSTRAINT {quoted(name)}"
    return f"{alter} DROP COLUMN {quoted(name)}" if kind == "column" and mode == "all" else None


def other(chance: random.Random, whole: Schema) -> str:
    """A statement that changes something, which nobody may take back."""
    table = chance.choice([name for kind, name in whole.objects if kind == "table"])
    column = chance.choice(columns(whole.objects["table", table]))
    alter = f"ALTER TABLE {quoted(table)}"
    return chance.choice(
        [
            f"{alter} ADD COLUMN extra INT",
            f"{alter} RENAME COLUMN {quoted(column)} TO other_name",
            f"{alter} MODIFY {quoted(column)} VARCHAR(77) NULL",
            f"{alter} COMMENT = 'changed'",
            f"{alter} ADD KEY one_more ({quoted(column)})",
            f"CREATE TRIGGER one_more BEFORE DELETE ON {quoted(table)} FOR EACH ROW SET @a = 1",
            f"RENAME TABLE {quoted(table)} TO other_name",
        ]
    )


def hurt(database: Database, statements: list[str]) -> int:
    """Run these, as far as the server takes them; answers how many it took."""
    taken = 0
    for statement in statements:
        try:
            database.run(statement)
        except pymysql.MySQLError:
            continue
        taken += 1
    return taken


@pytest.fixture(scope="module")
def starter() -> Iterator[Starter]:
    with Starter() as starter:
        yield starter


@pytest.mark.parametrize("mode", ["safe", "all"])
@pytest.mark.parametrize("schema", ["shipped", "everything"])
def test_what_is_dropped_is_made_again_exactly_or_nothing_is_touched(
    database: Database, tmp_path: Path, starter: Starter, schema: str, mode: str
) -> None:
    """By chance: indexes, keys, checks, views, triggers, routines, and with `all` tables and columns; sometimes
    something else was changed as well. No row that is there is changed.
    """
    files = None if schema == "shipped" else everything.migrations(database.server.flavour)
    patient = Patient(database, tmp_path, starter, files)
    healed = refused = should = 0
    for seed in range(CASES):
        chance = random.Random(f"{schema} {mode} {seed}")
        statements = chance.sample(wounds(patient.whole, mode), chance.randint(1, 4))
        if chance.random() < 0.15:
            statements.insert(chance.randint(0, len(statements)), other(chance, patient.whole))
        checks = chance.choice(["0", "0", "1"])
        database.run(f"SET SESSION foreign_key_checks = {checks}")
        if not hurt(database, statements):
            continue
        before = read(database)
        differences = compare(patient.whole, before)
        case = f"seed {seed}: {statements}\n{told(differences)}"

        start = patient.start(
            SCHEMAGATE_HEAL=mode, SCHEMAGATE_SHADOW="off" if seed % WITH_SHADOW else "auto", MYSQL_TCP_PORT=""
        )
        now = read(database)
        assert start.code in (0, 32), f"{case}\n{start.text}"
        additive = all(
            each.found is None and (each.part.startswith(SAFE) or each.part == "primary key" or not each.part)
            and (each.part or each.kind in HOLDING_NO_DATA)
            for each in differences
        )  # fmt: skip
        should += additive
        if start.code == 0:
            healed += 1
            assert compare(patient.whole, now) == (), f"{case}\n{told(compare(patient.whole, now))}\n{start.text}"
            assert patient.lost_rows(before) == [], case
            if mode == "all":
                patient.refill()
        else:
            refused += 1
            assert compare(before, now) == (), f"{case}\n{start.text}"
            assert not additive, f"{case}\n{start.text}"
            patient.mend()
    print(f"{schema} {mode}: {healed} healed, {refused} refused, {should} had to be healed")
    assert should > (CASES / 2 if mode == "safe" else 0)
    assert healed > CASES / 3
    assert refused > CASES / 20


# --- killed in the middle ---


def test_a_start_that_is_killed_anywhere_in_its_healing_leaves_nothing_in_doubt(
    database: Database, tmp_path: Path, starter: Starter
) -> None:
    """At each question that it asks from the first note on: the next start ends with the schema as it is to be, and
    says of each row what became of it.
    """
    patient = Patient(database, tmp_path, starter, everything.migrations(database.server.flavour))
    killed = 0
    while True:
        hurt(database, WOUNDS)
        start = killed_at(patient, killed + 1)
        if start.code == 0:
            break
        assert start.code == -9, start.text
        killed += 1
        again = patient.start(SCHEMAGATE_SHADOW="off")
        assert again.code == 0, again.text
        assert compare(patient.whole, read(database)) == ()
        assert database.rows("SELECT COUNT(*) FROM schemagate_healed WHERE outcome = 'begun'") == ((0,),)
        assert database.rows("SELECT COUNT(*) FROM schemagate_journal WHERE outcome <> 'applied'") == ((0,),)
    assert killed > 3 * len(WOUNDS), start.text
    notes = {note for (note,) in database.rows("SELECT DISTINCT note FROM schemagate_healed")}
    assert notes == {None, FOUND, NOT_FOUND}


WOUNDS = [
    "ALTER TABLE people DROP KEY idx_name",
    "ALTER TABLE members DROP FOREIGN KEY fk_person",
    "ALTER TABLE people DROP CONSTRAINT chk_score",
    "DROP VIEW a_adults",
    "DROP TRIGGER t_first",
]


def killed_at(patient: Patient, question: int) -> Start:
    """A start that is killed when it asks its so many'th question from the first note of its healing on."""
    server, seen = patient.database.server, 0
    begun: list[Start] = []

    def before(packet: Packet) -> None:
        nonlocal seen
        if seen or b"schemagate_healed (" in packet.payload:
            seen += 1
            if seen == question:
                begun[0].kill()

    with RecordingProxy(server.host, server.port, before=before) as proxy:
        start = patient.begin(
            MYSQL_HOST=proxy.host, MYSQL_PORT=str(proxy.port), SCHEMAGATE_TLS="off", SCHEMAGATE_SHADOW="off"
        )
        begun.append(start)
        assert start.wait(60) is not None, start.text
    return start


def test_what_a_killed_start_left_running_is_waited_for_and_found(database: Database, tmp_path: Path) -> None:
    """Its ALTER waits for the application; then the next start looks what is missing still, and makes only that."""
    gate = Gate(database, tmp_path).write(a_first="CREATE TABLE first (id INT PRIMARY KEY, n INT, KEY idx_n (n))")
    gate.run("snapshot")
    gate.run()
    database.run("ALTER TABLE first DROP KEY idx_n")
    with application(database, "START TRANSACTION", "SELECT * FROM first"):
        start = gate.begin()
        until(lambda: runs(database, "ALTER TABLE `first` ADD%") is not None, "the wait")
        start.process.kill()
        start.process.wait()
    assert said(gate.run(), "schema.verified")
    assert {name for _, _, name, *_ in database.rows("SHOW INDEX FROM first")} == {"PRIMARY", "idx_n"}
    outcomes = database.rows("SELECT part, outcome FROM schemagate_healed ORDER BY id")
    assert outcomes[-1] == ("index idx_n", "healed")


def test_a_heal_that_does_not_get_its_lock_is_tried_again(database: Database, tmp_path: Path) -> None:
    """And says who is in the way."""
    gate = Gate(database, tmp_path).write(a_first="CREATE TABLE first (id INT PRIMARY KEY, n INT, KEY idx_n (n))")
    gate.run("snapshot")
    gate.run()
    database.run("ALTER TABLE first DROP KEY idx_n")
    with application(database, "START TRANSACTION", "SELECT * FROM first") as cursor:
        start = gate.begin(SCHEMAGATE_LOCK_WAIT_SECONDS="1")
        until_said(start, "statement.retried")
        assert said(start, "statement.retried")[0]["object"] == "index idx_n of table first"
        cursor.execute("COMMIT")
    assert start.wait() == 0, start.text


BEFORE = """
    CREATE TABLE t (id INT PRIMARY KEY, x INT, KEY k (x));
    CREATE VIEW v AS SELECT id FROM t;
    CREATE FUNCTION f() RETURNS INT NO SQL RETURN 1;
"""


@pytest.mark.parametrize(
    ("missing", "pending"),
    [
        ("VIEW v", "CREATE VIEW w AS SELECT id FROM v"),
        ("FUNCTION f", "CREATE VIEW w AS SELECT f() AS one"),
        ("INDEX k ON t", "ALTER TABLE t DROP KEY k"),
        ("INDEX k ON t", "ALTER TABLE t RENAME INDEX k TO kk"),
        ("INDEX k ON t", "CREATE TABLE p (id INT PRIMARY KEY);\nALTER TABLE t ADD FOREIGN KEY (x) REFERENCES p (id)"),
    ],
)
def test_what_is_pending_finds_what_was_missing(database: Database, tmp_path: Path, missing: str, pending: str) -> None:
    """It is made again before, if what is pending works then; else nothing is touched."""
    gate = Gate(database, tmp_path).write(a=BEFORE)
    gate.run("snapshot")
    gate.run()
    gate.write(b=pending)
    gate.run("snapshot")
    database.run(f"DROP {missing}")
    hurt = read(database)
    assert compare(hurt, read(database)) == ()
    gate.begin(SCHEMAGATE_HEAL="off").wait()
    foreseen = gate.run("up --dry-run")
    assert len(said(foreseen, "healing.planned")[0]["missing"]) == 1
    assert compare(hurt, read(database)) == ()
    assert len(said(gate.run(), "schema.healed")) == 1
    gate.run("check")


def test_what_is_gone_is_said_whatever_becomes_of_the_healing(database: Database, tmp_path: Path) -> None:
    """Of what held data; what is computed did not."""
    columns = "w VARCHAR(9) DEFAULT 'q', g INT AS (id + 1) VIRTUAL"
    gate = Gate(database, tmp_path).write(a=f"CREATE TABLE t (id INT PRIMARY KEY, {columns}, UNIQUE u (w));")
    gate.run("snapshot")
    gate.run()
    database.run("INSERT INTO t (id, w) VALUES (1, 'x'), (2, 'y')", "ALTER TABLE t DROP COLUMN g")
    assert "column g of table t is missing" in last(gate.run(expected=32))["not_healed"]
    assert not said(gate.run(SCHEMAGATE_HEAL="all"), "data.gone")
    database.run("ALTER TABLE t DROP INDEX u, DROP COLUMN w")
    assert "column w of table t held data" in last(gate.run(expected=32))["not_healed"]
    stopped = gate.run(expected=30, SCHEMAGATE_HEAL="all")  # both rows have the default now, which is to be unique
    assert [each["object"] for each in said(stopped, "data.gone")] == ["column w of table t"]


@pytest.mark.parametrize("pending", [True, False], ids=["with the release that drops it pending", "before that"])
@pytest.mark.parametrize("index", ["KEY by_a (a), ", ""], ids=["an index of its own", "one that the server made"])
def test_a_constraint_gets_the_name_that_it_had(database: Database, tmp_path: Path, index: str, pending: bool) -> None:
    """Also where a server gave it: a later migration may drop it by that."""
    names = ("o_chk_1", "o_ibfk_1") if database.server.flavour == "mysql" else ("CONSTRAINT_1", "o_ibfk_1")
    keys = "FOREIGN KEY (a) REFERENCES c (id), FOREIGN KEY (b) REFERENCES c (k)"
    gate = Gate(database, tmp_path).write(
        a="CREATE TABLE c (id INT PRIMARY KEY, k INT UNIQUE);"
        f"CREATE TABLE o (id INT PRIMARY KEY, a INT, b INT, {index}CHECK (a > 1), CHECK (b > 1), {keys});"
    )
    gate.run("snapshot")
    gate.run()
    drop = [f"ALTER TABLE o DROP CONSTRAINT {names[0]}", f"ALTER TABLE o DROP FOREIGN KEY {names[1]}"]
    database.run(*drop)
    pending or gate.run()
    assert pending or gate.run("diff live snapshot").process.poll() == 0
    gate.write(b=";".join(drop) + ";")
    gate.run("snapshot")
    gate.run()
    gate.run("check")


def test_without_a_snapshot_the_migrations_tell_what_was_there(database: Database, tmp_path: Path) -> None:
    """Where a view or a table is missing; before what is pending changes rows, too. Nothing is said where it is not."""
    gate = Gate(database, tmp_path).write(
        a="CREATE TABLE t (id INT PRIMARY KEY, n INT); CREATE TABLE u (id INT PRIMARY KEY);"
        "CREATE VIEW v AS SELECT id FROM t;"
    )
    gate.run()
    database.run("INSERT INTO t VALUES (1, 1)", "DROP VIEW v")
    healed = gate.run()
    assert [each["object"] for each in said(healed, "schema.healed")] == ["view v"]
    assert said(healed, "schema.verified")[0]["proof"] == "replay"
    assert not said(gate.write(b="INSERT INTO t VALUES (2, 2);").run(), "healing.began")
    database.run("DROP VIEW v", "DROP TABLE u")
    refused = last(gate.run(expected=32))
    assert [(each["kind"], each["name"]) for each in refused["differences"]] == [("table", "u"), ("view", "v")]
    assert "table u held data" in refused["not_healed"]
    gate.write(c="INSERT INTO t VALUES (3, 3);").run(SCHEMAGATE_HEAL="all")
    assert {("table", "u"), ("view", "v")} <= database.objects()
    assert database.rows("SELECT COUNT(*) FROM t") == ((3,),)


@pytest.mark.parametrize(
    ("rows", "heals"), [("(1, 1)", False), ("(1, NULL)", True)], ids=["with rows that refer to it", "without"]
)
def test_no_empty_table_is_made_for_a_key_that_rows_would_refuse(
    database: Database, tmp_path: Path, rows: str, heals: bool
) -> None:
    """All or nothing: what is known beforehand is not found out in the middle."""
    key = "CONSTRAINT k FOREIGN KEY (p) REFERENCES p (id)"
    gate = Gate(database, tmp_path).write(
        a=f"CREATE TABLE p (id INT PRIMARY KEY); CREATE TABLE t (id INT PRIMARY KEY, p INT, {key});"
    )
    gate.run("snapshot")
    gate.run()
    database.run("INSERT INTO p VALUES (1)", f"INSERT INTO t VALUES {rows}", "ALTER TABLE t DROP FOREIGN KEY k")
    database.run("DROP TABLE p")
    before = database.objects()
    ended = gate.run(expected=0 if heals else 32, SCHEMAGATE_HEAL="all")
    if not heals:
        assert "foreign key k of table t cannot be made again" in last(ended)["not_healed"]
        assert database.objects() == before


def test_no_empty_table_is_made_under_a_key_that_is_there(database: Database, tmp_path: Path) -> None:
    """Rows that refer to what was in it would be orphans under a foreign key that nobody checks again."""
    gate = Gate(database, tmp_path).write(
        a="CREATE TABLE p (id INT PRIMARY KEY);\n"
        "CREATE TABLE t (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id));"
    )
    gate.run("snapshot")
    gate.run()
    database.run(
        "INSERT INTO p VALUES (1)", "INSERT INTO t VALUES (1, 1)", "SET foreign_key_checks = 0", "DROP TABLE p"
    )
    refused = last(gate.run(expected=32, SCHEMAGATE_HEAL="all"))
    assert "rows of table t that refer to them" in refused["not_healed"]
    database.run("DELETE FROM t", "SET foreign_key_checks = 1")
    gate.run(SCHEMAGATE_HEAL="all")


def test_what_this_account_cannot_see_is_said_at_every_start(database: Database, tmp_path: Path) -> None:
    """Also of what only its text hides, where nothing else has changed."""
    gate = Gate(database, tmp_path).write(
        a="CREATE TABLE t (id INT PRIMARY KEY); CREATE FUNCTION f() RETURNS INT DETERMINISTIC RETURN 1;"
    )
    gate.run("snapshot")
    gate.run()
    account = database.account(
        "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, TRIGGER, EVENT, EXECUTE ON {database}.*"
    )
    for _ in range(2):
        assert "function" in {each["kind"] for each in said(gate.run(account=account), "schema.not_compared")}


@pytest.mark.parametrize(
    ("index", "missing", "heals"),
    [
        ("KEY ours (x)", "f1", True),
        ("UNIQUE KEY ours (x)", "f1", True),
        ("KEY ours (x, id)", "f2", True),
        ("", "f1", False),  # the one left is named by f2, which the server made: it would be named by f1 then
    ],
)
def test_a_key_is_made_again_beside_another_one_of_its_column(
    database: Database, tmp_path: Path, index: str, missing: str, heals: bool
) -> None:
    """Whose index stays, if a statement made it; otherwise nothing is touched."""
    keys = "CONSTRAINT f1 FOREIGN KEY (x) REFERENCES p (id), CONSTRAINT f2 FOREIGN KEY (x) REFERENCES p (c)"
    parts = ", ".join(filter(None, ("id INT PRIMARY KEY, x INT", index, keys)))
    gate = Gate(database, tmp_path).write(
        a=f"CREATE TABLE p (id INT PRIMARY KEY, c INT UNIQUE);\nCREATE TABLE t ({parts});"
    )
    gate.run("snapshot")
    gate.run()
    whole = read(database)
    database.run(f"ALTER TABLE t DROP FOREIGN KEY {missing}")
    hurt = read(database)
    start = gate.run(expected=0 if heals else 32)
    assert compare(whole if heals else hurt, read(database)) == ()
    assert [each["object"] for each in said(start, "schema.healed")] == [f"foreign key {missing} of table t"] * heals


def test_a_start_that_is_asked_to_stop_heals_nothing_more(database: Database, tmp_path: Path) -> None:
    """The statement at hand is broken off after its time; the next start goes on."""
    gate = Gate(database, tmp_path).write(a_first="CREATE TABLE first (id INT PRIMARY KEY, n INT, KEY idx_n (n))")
    gate.run("snapshot")
    gate.run()
    database.run("ALTER TABLE first DROP KEY idx_n")
    with application(database, "START TRANSACTION", "SELECT * FROM first"):
        start = gate.begin(SCHEMAGATE_STOP_SECONDS="0.5")
        until(lambda: runs(database, "ALTER TABLE `first` ADD%") is not None, "the wait")
        start.process.terminate()
        assert start.wait() == 143, start.text
    assert last(start)["not_done"] == ["index idx_n of table first"]
    assert said(gate.run(), "schema.healed")
