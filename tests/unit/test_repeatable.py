"""A migration that is run again whenever it has changed: what may be in it, and when is it its turn?"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemagate.errors import MigrationInvalid
from schemagate.files import find, in_order, is_repeatable
from schemagate.history import COLUMNS, History, Past, _fold
from schemagate.migrations import load
from schemagate.plan import Plan, make_plan, mismatches, removed
from tests.unit.test_plan import NOTHING, declared, files, history, left, sums


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-- nothing yet",
        "CREATE OR REPLACE VIEW v AS SELECT 1",
        "CREATE OR REPLACE ALGORITHM = MERGE SQL SECURITY INVOKER VIEW v AS SELECT 1",
        "DROP VIEW IF EXISTS v, w; CREATE VIEW v AS SELECT 1; CREATE VIEW w AS SELECT 1",
        "DROP PROCEDURE IF EXISTS p; CREATE PROCEDURE p() BEGIN DROP TABLE t; INSERT INTO t VALUES (1); END",
        "DROP FUNCTION IF EXISTS `a b`; CREATE DEFINER = 'x'@'%' FUNCTION `a b`() RETURNS INT DETERMINISTIC RETURN 1",
        "DROP TRIGGER IF EXISTS g; CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1",
        "DROP EVENT IF EXISTS e; CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM t",
        "CREATE OR REPLACE PROCEDURE p() SELECT 1",
        "SET SESSION sql_mode = ''; GRANT EXECUTE ON PROCEDURE p TO x",
        "-- schemagate: repeatable\nINSERT INTO kinds VALUES (1) ON DUPLICATE KEY UPDATE id = id",
        "DROP VIEW IF EXISTS one_that_is_gone",
    ],
)
def test_what_may_be_in_it(tmp_path: Path, text: str) -> None:
    """What can be run again from the first statement on, wherever the run before it ended."""
    tmp_path.joinpath("R_x.sql").write_text(text)
    assert load(find(str(tmp_path))).all[0].repeatable


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("CREATE TABLE t (a INT)", "it holds data"),
        ("CREATE TABLE IF NOT EXISTS t (a INT)", "it holds data"),
        ("CREATE OR REPLACE TABLE t (a INT)", "it holds data"),
        ("ALTER TABLE t ADD COLUMN a INT", "it holds data"),
        ("DROP TABLE IF EXISTS t", "it holds data"),
        ("CREATE INDEX i ON t (a)", "it holds data"),
        ("TRUNCATE t", "it holds data"),
        ("CREATE OR REPLACE SEQUENCE s", "it holds data"),
        ("CREATE VIEW v AS SELECT 1", "write CREATE OR REPLACE VIEW"),
        ("DROP VIEW IF EXISTS w; CREATE VIEW v AS SELECT 1", "write CREATE OR REPLACE VIEW"),
        ("DROP VIEW IF EXISTS v; CREATE VIEW v AS SELECT 1; CREATE VIEW v AS SELECT 1", "write CREATE OR REPLACE VIEW"),
        ("CREATE VIEW IF NOT EXISTS v AS SELECT 1", "leave IF NOT EXISTS out"),
        ("DROP PROCEDURE IF EXISTS p; CREATE PROCEDURE IF NOT EXISTS p() SELECT 1", "leave IF NOT EXISTS out"),
        ("CREATE PROCEDURE p() SELECT 1; DROP PROCEDURE IF EXISTS p", "write DROP PROCEDURE IF EXISTS before it"),
        ("DROP FUNCTION IF EXISTS p; CREATE PROCEDURE p() SELECT 1", "write DROP PROCEDURE IF EXISTS before it"),
        ("DROP TRIGGER g", "write DROP TRIGGER IF EXISTS"),
        ("ALTER EVENT e DISABLE", "is run once"),
        ("ALTER VIEW v AS SELECT 1", "is run once"),
        ("CALL p()", "is run once"),
        (
            "-- schemagate: compatible-with a\nCREATE OR REPLACE VIEW v AS SELECT 1",
            "asked of migrations that are run once",
        ),
        ("PREPARE s FROM 'SELECT 1'", "is run once"),
        ("START TRANSACTION; COMMIT", "is run once"),
        ("SELECT 1", "is run once"),
        ("INSERT INTO t VALUES (1)", "`-- schemagate: repeatable` on a line before it"),
        ("UPDATE t SET a = a + 1", "`-- schemagate: repeatable` on a line before it"),
    ],
)
def test_what_may_not_be_in_it(tmp_path: Path, text: str, reason: str) -> None:
    """Each with the way out."""
    tmp_path.joinpath("R_x.sql").write_text(f"SET @a = 1;\n{text}")
    with pytest.raises(MigrationInvalid) as caught:
        load(find(str(tmp_path)))
    assert "may not be in a repeatable migration: " in caught.value.message
    assert reason in caught.value.message
    assert caught.value.facts["file"] == "R_x.sql"
    assert caught.value.facts["line"] == 2 + text.startswith("--")


def test_it_comes_after_all_others(tmp_path: Path) -> None:
    """Whatever they are called; several by their names."""
    for name in ("z", "R_b", "A", "R_a", "r_c", "R"):
        tmp_path.joinpath(f"{name}.sql").write_text("SET @a = 1")
    assert [migration.name for migration in load(find(str(tmp_path))).all] == ["A", "R", "r_c", "z", "R_a", "R_b"]
    assert in_order({"R_x", "z"}) == ["z", "R_x"]


def test_it_is_run_as_a_whole_where_it_is_not_as_it_was_run() -> None:
    """Edited, grown, shrunk, ended in the middle or refused: from its first statement on. As it was run: not at all."""
    assert left(files(R_x="ab"), history(R_x="ab")) == []
    for text in ("ac", "abc", "a", "bb"):
        assert left(files(R_x=text), history(R_x="ab")) == [("R_x", 1)]
    for past in (Past(sums("a"), 2, complete=False), Past(sums("a"), 2, complete=False, failed=2)):
        assert left(files(R_x="ab"), History({"R_x": past})) == [("R_x", 1)]
    assert left(files(R_x=""), history(R_x="ab")) == []
    assert left(files(R_x="a"), History()) == [("R_x", 1)]


def test_it_contradicts_nothing() -> None:
    """Edited or gone it is no mismatch, and what comes after it by name is not out of order."""
    assert mismatches(files(a="x", R_x="b"), history(R_x="a", R_y="z")) == ()
    assert mismatches(files(A="x"), history(R_x="a")) == ()
    assert left(files(A="x", R_x="b"), history(R_x="a")) == [("A", 1), ("R_x", 1)]


def test_one_that_is_gone_is_told() -> None:
    """Not one of which nothing was applied."""
    past = History({**history(R_x="a", R_y="b", z="c").past, "R_z": Past(sums(), 0, complete=False, failed=1)})
    assert removed(files(R_y="b", z="c"), past) == ("R_x",)
    assert make_plan(files(R_y="b", z="c"), past, NOTHING) == Plan((), 2, removed=("R_x",))


def test_an_older_image_runs_none_of_its_own() -> None:
    """Where what is newer lets its code work, the text of the newer image counts."""
    past = declared(history(a="x", b="y", R_x="new", R_y="z"), b="a")
    plan = make_plan(files(a="x", R_x="old"), past, NOTHING)
    assert (plan.newer, plan.todo, plan.applied, plan.removed) == (("b",), (), 2, ())
    assert mismatches(files(a="x", R_x="old"), past) == ()
    assert left(files(a="x", R_x="old"), history(a="x", R_x="new", R_y="z")) == [("R_x", 1)]


def entries(*said: tuple[str, int, str, str]) -> History:
    """The history of entries in the order in which they were written: migration, ordinal, statement, outcome."""
    rows = []
    for number, (migration, ordinal, text, outcome) in enumerate(said, start=1):
        entry = dict.fromkeys(COLUMNS) | {"id": number, "migration": migration, "ordinal": ordinal}
        checksum = bytes(sums(text).first(1)._kept)  # type: ignore[union-attr]
        entry |= {"statements": 2, "checksum": checksum, "outcome": outcome, "begun_at": datetime.now(UTC)}
        rows.append(tuple(entry[name] for name in COLUMNS))
    return _fold(iter(sorted(rows, key=lambda row: (row[1], row[2], row[0]))))


def test_the_last_run_counts() -> None:
    """Of a repeatable migration, what was run before is history."""
    first = (("R_x", 1, "a", "applied"), ("R_x", 2, "b", "applied"))
    assert entries(*first).past["R_x"] == Past(sums("a", "b"), 2, complete=True, last_id=2)
    again = entries(*first, ("R_x", 1, "c", "applied"))
    assert again.past["R_x"] == Past(sums("c"), 2, complete=False, last_id=3)
    assert again.last_id == 3
    failed = entries(*first, ("R_x", 1, "c", "applied"), ("R_x", 2, "d", "failed")).past["R_x"]
    assert (failed.applied, failed.failed, failed.complete) == (1, 2, False)
    doubt = entries(*first, ("R_x", 1, "c", "begun"))
    assert [entry.ordinal for entry in doubt.in_doubt] == [1]
    assert doubt.past["R_x"].applied == 0


def test_triggers_of_a_file_are_made_again_behind_those_of_one_before_it() -> None:
    """As far as they are on the same table, and once."""
    on = {"a": "t", "b": "t u", "R_1": "t", "R_2": "t", "R_3": "u", "R_4": ""}

    def due(*order: str, **texts: str) -> list[str]:
        known = files(**{name: texts.get(name, "x") for name in on})
        known = replace(
            known, all=tuple(replace(each, triggered=frozenset(on[each.name].split())) for each in known.all)
        )
        past = {name: Past(sums("x"), 1, complete=True, last_id=at) for at, name in enumerate(order, start=1)}
        return [name for name, _ in left(known, History(past))]

    assert due("a", "b", "R_1", "R_2", "R_3", "R_4") == []
    assert due("a", "b", "R_1", "R_2", "R_3", "R_4", R_1="y") == ["R_1", "R_2"]
    assert due("a", "b", "R_2", "R_3", "R_4", "R_1") == ["R_2"]
    assert due("a", "b", "R_3", "R_4", "R_1", "R_2") == []
    assert due("a", "R_1", "R_2", "R_3", "R_4") == ["b", "R_1", "R_2", "R_3"]
    assert due("a", "R_1", "R_2", "R_3", "R_4", "b") == ["R_1", "R_2", "R_3"]
    assert due("a", "R_2", "R_3", "R_4", "b", "R_1") == ["R_2", "R_3"]
    assert due("a", "b", "R_1", "R_2", "R_3", "R_4", R_4="y") == ["R_4"]


def test_the_runs_of_one_file_say_nothing_of_another() -> None:
    """Nor of one that is run once: there, what came first stays."""
    found = entries(
        ("R_x", 1, "a", "applied"),
        ("R_x", 2, "b", "applied"),
        ("a", 2, "d", "applied"),
        ("a", 1, "c", "applied"),
        ("R_y", 1, "a", "applied"),
    )
    assert found.past["R_x"] == Past(sums("a", "b"), 2, complete=True, last_id=2)
    assert found.past["a"] == Past(sums("c", "d"), 2, complete=True, last_id=4)
    assert found.past["R_y"] == Past(sums("a"), 2, complete=False, last_id=5)


@given(st.lists(st.tuples(st.text("abc", min_size=1, max_size=4), st.integers(0, 4)), max_size=6))
def test_it_is_done_exactly_if_its_last_run_was_whole_and_of_this_text(runs: list[tuple[str, int]]) -> None:
    """Whatever was run before, each time up to any statement."""
    rows: list[tuple[object, ...]] = []
    for text, reached in runs:
        for ordinal, statement in enumerate(text[:reached], start=1):
            entry = dict.fromkeys(COLUMNS) | {"id": len(rows) + 1, "migration": "R_x", "ordinal": ordinal}
            checksum = bytes(sums(statement).first(1)._kept)  # type: ignore[union-attr]
            entry |= {"statements": len(text), "checksum": checksum, "outcome": "applied"}
            rows.append(tuple(entry[name] for name in COLUMNS))
    found = _fold(iter(sorted(rows, key=lambda row: (row[1], row[2], row[0]))))
    text, reached = next(((text, reached) for text, reached in reversed(runs) if reached), ("", 0))
    for other in {"a", "abc", text or "b"}:
        done = reached >= len(text) and text == other
        assert left(files(R_x=other), found) == ([] if done else [("R_x", 1)])


def test_the_names_of_repeatable_migrations() -> None:
    """R_ in front, in capitals."""
    assert [name for name in ("R_x", "R__x", "r_x", "R", "Rx", "x_R_y") if is_repeatable(name)] == ["R_x", "R__x"]
