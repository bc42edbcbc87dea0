"""Repeatable migrations: wherever a start ends in one, the next runs it again as a whole, and asks nobody."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from schemagate.schema import compare
from tests.database import schemas
from tests.database.gate import Gate, last, said
from tests.database.test_settling import killed
from tests.databases import Database
from tests.wire import Packet, RecordingProxy

TABLES = "CREATE TABLE people (id INT PRIMARY KEY, name VARCHAR(20), n INT); INSERT INTO people VALUES (1, 'ada', 1);"
BEFORE = (
    "CREATE OR REPLACE VIEW names AS SELECT name FROM people",
    "DROP PROCEDURE IF EXISTS count_people",
    "CREATE PROCEDURE count_people() BEGIN SELECT COUNT(*) FROM people; END",
    "DROP FUNCTION IF EXISTS one",
    "CREATE FUNCTION one() RETURNS INT DETERMINISTIC RETURN 1",
    "DROP TRIGGER IF EXISTS grows",
    "CREATE TRIGGER grows BEFORE INSERT ON people FOR EACH ROW SET NEW.n = NEW.n + 1",
    "DROP EVENT IF EXISTS daily",
    "CREATE EVENT daily ON SCHEDULE EVERY 1 DAY DISABLE DO DELETE FROM people",
    "DROP VIEW IF EXISTS more",
    "CREATE VIEW more AS SELECT name FROM names",
    "-- schemagate: repeatable\nREPLACE INTO people VALUES (2, 'bob', 2)",
)
AFTER = (
    "CREATE OR REPLACE VIEW names AS SELECT name, n FROM people",
    "DROP PROCEDURE IF EXISTS count_people",
    "CREATE PROCEDURE count_people() BEGIN SELECT COUNT(*) + 1 FROM people; END",
    "DROP FUNCTION IF EXISTS one",
    "CREATE FUNCTION one() RETURNS INT DETERMINISTIC RETURN 2",
    "DROP TRIGGER IF EXISTS grows",
    "CREATE TRIGGER grows BEFORE INSERT ON people FOR EACH ROW SET NEW.n = NEW.n + 3",
    "DROP EVENT IF EXISTS daily",
    "CREATE EVENT daily ON SCHEDULE EVERY 2 DAY DISABLE DO DELETE FROM people",
    "DROP VIEW IF EXISTS more",
    "CREATE VIEW more AS SELECT name, n FROM names",
    "-- schemagate: repeatable\nREPLACE INTO people VALUES (2, 'bea', 2)",
)


@pytest.fixture
def gate(database: Database, tmp_path: Path) -> Gate:
    database.may_leave_shadow = True  # the next start drops it; a test may end with one that needs none
    return Gate(database, tmp_path)


def text(statements: tuple[str, ...]) -> str:
    return "".join(f"{statement};\n" for statement in statements)


def sent(statement: str) -> str:
    return statement.rpartition("\n")[2]


def assert_like_undisturbed(gate: Gate) -> None:
    """Objects and rows are those that a start makes which nobody kills."""
    other = gate.database.another()
    start = gate.begin(MYSQL_DATABASE=other)
    assert start.wait() == 0, start.text
    differences = compare(schemas.read(gate.database, other), schemas.read(gate.database))
    assert not differences, schemas.told(differences)
    assert gate.database.rows("SELECT id, name FROM people") == gate.database.rows(
        f"SELECT id, name FROM {other}.people"
    )


@pytest.mark.parametrize("done", [False, True], ids=["before it", "after it"])
@pytest.mark.parametrize("shadow", ["auto", "off"])
def test_killed_at_any_statement_it_is_run_again(gate: Gate, done: bool, shadow: str) -> None:
    """One start after the other is killed, each at the next statement; the last one ends as if nothing had been."""
    gate.write(a_tables=TABLES, R_all=text(BEFORE)).run()
    gate.write(R_all=text(AFTER))
    for statement in AFTER:
        killed(gate, sent(statement), done=done, SCHEMAGATE_SHADOW=shadow)
    start = gate.run(SCHEMAGATE_SHADOW=shadow)
    assert last(start)["applied"] == len(AFTER)
    assert_like_undisturbed(gate)
    assert last(gate.run())["unchanged"] is True


@pytest.mark.parametrize("done", [False, True], ids=["before it", "after it"])
@pytest.mark.parametrize("at", [0, 2, 6, 11])
def test_killed_on_an_empty_database_it_is_run_again(gate: Gate, done: bool, at: int) -> None:
    """There nothing was rehearsed; and what was in the file may have been changed since."""
    gate.write(a_tables=TABLES, R_all=text(BEFORE))
    killed(gate, sent(BEFORE[at]), done=done)
    gate.write(R_all=text(AFTER))
    assert last(gate.run())["applied"] == len(AFTER)
    assert_like_undisturbed(gate)


def test_killed_between_drop_and_create_and_put_back_it_is_run_again(gate: Gate) -> None:
    """The journal knows that the text of before was run, and that something else was begun since."""
    gate.write(a_tables=TABLES, R_all=text(BEFORE)).run()
    gate.write(R_all=text(AFTER[1:3]))
    killed(gate, AFTER[2], done=False)
    assert not gate.database.rows("SHOW PROCEDURE STATUS WHERE Db = DATABASE()")
    gate.write(R_all=text(BEFORE))
    assert last(gate.run())["applied"] == len(BEFORE)
    assert_like_undisturbed(gate)


def test_what_was_begun_in_one_that_is_gone_is_asked_of_nobody(gate: Gate) -> None:
    """Its entry is closed, and what it made stays."""
    gate.write(a_tables=TABLES, R_all=text(BEFORE[:1]))
    killed(gate, BEFORE[0], done=True)
    gate.migrations.joinpath("R_all.sql").unlink()
    start = gate.run()
    assert [line["how"] for line in said(start, "statement.settled")] == [
        "it is of a repeatable migration, which is run again as a whole"
    ]
    assert gate.database.rows("SELECT * FROM names") == (("ada",),)


def test_a_start_that_only_looks_says_that_it_is_run_again(gate: Gate) -> None:
    """`check` finds it pending, and so does `status`."""
    gate.write(a_tables=TABLES, R_all=text(BEFORE))
    killed(gate, BEFORE[2], done=True)
    assert last(gate.run("check", 23))["pending"] == ["R_all"]
    rows = json.loads(gate.run("status --json").text.splitlines()[-2])["migrations"]
    assert (rows[1]["migration"], rows[1]["state"]) == ("R_all", "in doubt")
    gate.run()
    rows = json.loads(gate.run("status --json").text.splitlines()[-2])["migrations"]
    assert [(row["state"], row["applied_statements"]) for row in rows] == [("applied", 2), ("applied", len(BEFORE))]


def test_one_that_failed_is_mended_and_run_again_as_a_whole(gate: Gate) -> None:
    """What came before the statement that was refused is run again."""
    gate.write(
        a_tables=TABLES, R_all=text((*BEFORE[:3], "-- schemagate: repeatable\nINSERT INTO people VALUES (1, 'x', 1)"))
    )
    start = gate.run(expected=30)
    assert last(start)["state"].startswith("3 of 4 statements of this file are applied")
    rows = json.loads(gate.run("status --json").text.splitlines()[-2])["migrations"]
    assert [(row["state"], row["applied_statements"]) for row in rows] == [("applied", 2), ("failed", 3)]
    gate.write(R_all=text(BEFORE[:3]))
    assert last(gate.run())["applied"] == 3
    rows = json.loads(gate.run("status --json").text.splitlines()[-2])["migrations"]
    assert [(row["state"], row["applied_statements"]) for row in rows] == [("applied", 2), ("applied", 3)]


def test_a_connection_that_is_lost_in_one_is_survived(gate: Gate) -> None:
    """The same start runs it again from its first statement on."""
    gate.write(a_tables=TABLES, R_all=text(BEFORE)).run()
    gate.write(R_all=text(AFTER))
    working: set[int] = set()
    cut: list[Packet] = []

    def before(packet: Packet) -> None:
        if b"INSERT INTO" in packet.payload and b".schemagate_starts " in packet.payload:
            working.add(packet.connection)
        if packet.connection in working and packet.payload.startswith(AFTER[6].encode()) and not cut:
            cut.append(packet)
            raise ConnectionError("cut")

    server = gate.database.server
    with RecordingProxy(server.host, server.port, before=before) as proxy:
        start = gate.run(MYSQL_HOST=proxy.host, MYSQL_PORT=str(proxy.port), SCHEMAGATE_TLS="off")
    assert len(cut) == 1
    assert [line["statements"] for line in said(start, "migration.began")] == [len(AFTER)] * 2
    assert_like_undisturbed(gate)


def test_the_snapshot_has_what_is_repeatable(gate: Gate) -> None:
    """It is replayed after all others; an edit makes the snapshot stale, and without the file a trigger is drift."""
    gate.write(a_tables=TABLES, R_all=text(BEFORE[:3] + BEFORE[5:7])).run("snapshot")
    gate.run()
    gate.write(b_more="ALTER TABLE people ADD COLUMN born DATE NULL", R_all=text(AFTER[:3] + BEFORE[5:7]))
    assert last(gate.run(expected=15))["event"] == "snapshot.stale"
    gate.run("snapshot")
    assert last(gate.run())["applied"] == 1 + 5
    gate.migrations.joinpath("R_all.sql").unlink()
    gate.run("snapshot")
    start = gate.run(expected=32)
    assert [(each["kind"], each["name"]) for each in last(start)["differences"]] == [("trigger", "grows")]
    gate.database.run("DROP TRIGGER grows")
    gate.run()
    assert gate.database.rows("SELECT * FROM names")


def test_a_view_of_which_the_tables_changed_is_found_if_it_is_not_run_again(gate: Gate) -> None:
    """`SELECT *` is what it was when the view was made. A change inside the statement makes it anew."""
    gate.write(a_tables=TABLES, R_all="CREATE OR REPLACE VIEW everything AS SELECT * FROM people").run("snapshot")
    gate.run()
    gate.write(b_more="ALTER TABLE people ADD COLUMN born DATE NULL").run("snapshot")
    start = gate.run(expected=32)
    assert last(start)["state"] == "not touched"
    assert [each["name"] for each in last(start)["differences"]] == ["everything"]
    gate.write(R_all="CREATE OR REPLACE VIEW everything AS SELECT * FROM people /* born */").run("snapshot")
    gate.run()
    assert last(gate.run())["unchanged"] is True


def test_new_writes_a_repeatable_one(gate: Gate) -> None:
    """It has no date, is a migration as it stands, and is written once."""
    start = gate.run("new --repeatable active_customers")
    assert gate.migrations.joinpath("R_active_customers.sql").exists()
    assert "R_active_customers.sql" in start.text
    gate.run("new --repeatable R_active_customers", 11)
    gate.run("new add_customers")
    assert sorted(path.name[8:] for path in gate.migrations.glob("2*.sql")) == ["_add_customers.sql"]
    assert last(gate.run())["applied"] == 0


# --- triggers on one table, of several files --------------------------------------------------------------------------

ADDS = (
    "DROP TRIGGER IF EXISTS {name};\n"
    "CREATE TRIGGER {name} BEFORE INSERT ON people FOR EACH ROW SET NEW.n = NEW.n {does};\n"
)


@pytest.mark.parametrize("dies", [False, True])
@pytest.mark.parametrize(
    "release",
    [
        {"R_1": ADDS.format(name="one", does="+ 2")},
        {"b": "CREATE TRIGGER first BEFORE INSERT ON people FOR EACH ROW SET NEW.n = NEW.n + 5;"},
    ],
    ids=["of a repeatable file", "of another file"],
)
def test_triggers_act_in_the_order_of_their_files(gate: Gate, release: dict[str, str], dies: bool) -> None:
    """As in an empty database: what a later file made before is made again behind that, once."""
    database = gate.database
    gate.write(a=TABLES, R_1=ADDS.format(name="one", does="+ 1"), R_2=ADDS.format(name="two", does="* 2"))
    gate.write(R_3="CREATE OR REPLACE VIEW names AS SELECT name FROM people;")
    gate.run()
    gate.write(**release)
    gate.run("snapshot")
    assert "R_2" in str(last(gate.run("check", 23)))
    if dies:
        killed(gate, "DROP TRIGGER IF EXISTS two", done=False)
    began = [line["migration"] for line in said(gate.run(), "migration.began")]
    assert began[-1] == "R_2"
    gate.run("check")
    database.run("INSERT INTO people VALUES (7, 'eve', 10)")
    assert database.value("SELECT n FROM people WHERE id = 7") == (24 if "R_1" in release else 32)
    gate.write(c="INSERT INTO people VALUES (8, 'flo', 0);")
    gate.run("snapshot")
    assert [line["migration"] for line in said(gate.run(), "migration.began")] == ["c"]
