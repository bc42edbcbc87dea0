"""Does every pair of files and history come out as the right plan, or as the right refusal?"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemagate.checksums import Checksums
from schemagate.errors import HistoryMismatch, StatementInDoubt
from schemagate.files import in_order
from schemagate.history import Entry, History, Past
from schemagate.migrations import Migration, Migrations
from schemagate.plan import make_plan, mismatches


@dataclass(frozen=True)
class Allow:
    allow_edited: frozenset[str] = frozenset()
    allow_missing: frozenset[str] = frozenset()
    allow_out_of_order: frozenset[str] = frozenset()


NOTHING = Allow()


def sums(*texts: str) -> Checksums:
    return Checksums.of(hashlib.sha256(text.encode()).digest() for text in texts)


def files(**texts: str) -> Migrations:
    """Migrations by name, each a string of one-letter statements."""
    texts = {name: texts[name] for name in in_order(texts)}
    found = tuple(Migration(name, f"/x/{name}.sql", sums(*text)) for name, text in texts.items())
    return Migrations("/x", found, None, b"", "")


def history(**texts: str) -> History:
    """What was applied, each file whole."""
    return History({name: Past(sums(*text), len(text), complete=True) for name, text in texts.items()})


def left(migrations: Migrations, past: History, allow: Allow = NOTHING) -> list[tuple[str, int]]:
    return [(todo.migration.name, todo.first) for todo in make_plan(migrations, past, allow).todo]


def declared(past: History, **compatible: str) -> History:
    """The same, of which some migrations declare the oldest code that works with them."""
    return replace(past, compatible=compatible)


def test_newer_migrations_that_let_older_code_work_are_no_contradiction() -> None:
    """Each says so for itself: it names our last migration, or one before it."""
    past = declared(history(a="x", b="y", c="z", d="q"), c="b", d="a")
    plan = make_plan(files(a="x", b="y"), past, NOTHING)
    assert (plan.newer, plan.todo, plan.applied) == (("c", "d"), (), 2)


@pytest.mark.parametrize(
    ("compatible", "wrong"),
    [({}, "c"), ({"d": "b"}, "c"), ({"c": "b"}, "d"), ({"c": "a", "d": "c"}, "d"), ({"c": "c", "d": "b"}, "c")],
)
def test_every_newer_migration_has_to_let_older_code_work(compatible: dict[str, str], wrong: str) -> None:
    """The first that does not is named first, whatever those before and behind it say."""
    past = declared(history(a="x", b="y", c="z", d="q"), **compatible)
    with pytest.raises(HistoryMismatch) as caught:
        make_plan(files(a="x", b="y"), past, NOTHING)
    assert caught.value.facts["mismatches"][0]["kind"] == "missing"
    assert caught.value.facts["mismatches"][0]["migration"] == wrong
    assert "newer than this image" in caught.value.message


def test_half_a_newer_migration_lets_nobody_work() -> None:
    """It speaks of the schema behind its last statement."""
    past = declared(History({**history(a="x").past, "b": Past(sums("x"), 2, complete=False)}), b="a")
    with pytest.raises(HistoryMismatch) as caught:
        make_plan(files(a="x"), past, NOTHING)
    assert "only 1 of its 2 statements" in caught.value.message


def test_a_migration_that_is_missing_in_the_middle_is_no_newer_one() -> None:
    """Whatever it declares: these files are no older version of what was applied."""
    past = declared(history(a="x", b="y", c="z"), b="a")
    with pytest.raises(HistoryMismatch) as caught:
        make_plan(files(a="x", c="z"), past, NOTHING)
    assert [each["migration"] for each in caught.value.facts["mismatches"]] == ["b"]
    with pytest.raises(HistoryMismatch):
        make_plan(files(a="x", bb="new"), declared(history(a="x", b="y"), b="a"), NOTHING)


def test_newer_migrations_that_a_person_allows_to_be_missing_are_as_before() -> None:
    """Then the schema is to be the one that our files build."""
    past = declared(history(a="x", b="y"), b="a")
    plan = make_plan(files(a="x"), past, Allow(allow_missing=frozenset({"b"})))
    assert plan.newer == ()


def test_what_a_file_says_of_older_code_is_noted_when_it_changes() -> None:
    """Also after it was applied: a comment may be added then."""
    now = files(a="x", b="y", c="z")
    now = replace(now, all=(now.all[0], replace(now.all[1], compatible_with="a"), now.all[2]))
    plan = make_plan(now, declared(history(a="x", b="y", c="z"), c="a"), NOTHING)
    assert [(each.name, each.compatible_with) for each in plan.declared] == [("b", "a"), ("c", None)]
    assert make_plan(now, declared(history(a="x", b="y", c="z"), b="a"), NOTHING).declared == ()


def test_an_empty_history_leaves_everything() -> None:
    """All files, from their first statements, in the order of their names."""
    assert left(files(b="xy", a="z"), History()) == [("a", 1), ("b", 1)]


def test_what_is_applied_is_not_left() -> None:
    """Nothing is left of a file whose every statement is applied."""
    assert left(files(a="xy", b="z"), history(a="xy")) == [("b", 1)]


def test_a_file_goes_on_where_it_stopped() -> None:
    """Its applied statements are not run again."""
    past = History({"a": Past(sums("x"), 3, complete=False)})
    assert left(files(a="xyz"), past) == [("a", 2)]


@pytest.mark.parametrize("text", ["x", "xq", "xqrst"])
def test_a_file_that_failed_may_be_mended(text: str) -> None:
    """The rest of it may change, shrink and grow; a file that shrank to what is applied is complete."""
    past = History({"a": Past(sums("x"), 3, complete=False, failed=2)})
    plan = make_plan(files(a=text), past, NOTHING)
    assert [(todo.first, todo.count) for todo in plan.todo] == ([(2, len(text) - 1)] if len(text) > 1 else [])
    assert [migration.name for migration in plan.completed] == (["a"] if text == "x" else [])


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("qy", "statement 1 was changed after it was applied"),
        ("x", "statement 2 is applied and is no longer in the file"),
        ("xyz", "statement 3 was added after the whole file was applied"),
    ],
)
def test_an_edited_file_is_refused_and_can_be_allowed_by_name(text: str, detail: str) -> None:
    """The refusal says which statement; allowed, the file counts as applied as it stands now."""
    with pytest.raises(HistoryMismatch) as caught:
        make_plan(files(a=text), history(a="xy"), NOTHING)
    assert caught.value.facts["mismatches"] == [{"kind": "edited", "migration": "a", "detail": detail}]
    assert "SCHEMAGATE_ALLOW_EDITED=a" in caught.value.message
    plan = make_plan(files(a=text), history(a="xy"), Allow(allow_edited=frozenset({"a"})))
    assert plan.todo == ()
    assert [(migration.name, count) for migration, count in plan.accepted] == [("a", len(text))]


def test_allowing_an_edit_of_a_file_that_stopped_runs_the_rest_of_it() -> None:
    """Only what was applied counts as applied: the statements that never ran are run."""
    past = History({"a": Past(sums("x"), 3, complete=False, failed=2)})
    plan = make_plan(files(a="qyz"), past, Allow(allow_edited=frozenset({"a"})))
    assert [(todo.migration.name, todo.first) for todo in plan.todo] == [("a", 2)]
    assert [(migration.name, count) for migration, count in plan.accepted] == [("a", 1)]


def test_a_file_that_is_gone_is_refused_and_can_be_allowed_by_name() -> None:
    """A history without its file cannot be vouched for."""
    with pytest.raises(HistoryMismatch, match="SCHEMAGATE_ALLOW_MISSING=a"):
        make_plan(files(b="y"), history(a="x", b="y"), NOTHING)
    assert left(files(b="y"), history(a="x", b="y"), Allow(allow_missing=frozenset({"a"}))) == []


def test_an_older_file_added_later_is_refused_and_can_be_allowed_by_name() -> None:
    """Somebody else's branch was merged late: whether the order matters only a person knows."""
    with pytest.raises(HistoryMismatch, match="SCHEMAGATE_ALLOW_OUT_OF_ORDER=a"):
        make_plan(files(a="x", b="y"), history(b="y"), NOTHING)
    assert left(files(a="x", b="y"), history(b="y"), Allow(allow_out_of_order=frozenset({"a"}))) == [("a", 1)]


def test_every_contradiction_is_named_at_once() -> None:
    """Whoever reads the refusal mends all of it in one go."""
    with pytest.raises(HistoryMismatch) as caught:
        make_plan(files(a="x", b="q", d="d"), history(b="y", c="z", d="d"), NOTHING)
    assert [(each["kind"], each["migration"]) for each in caught.value.facts["mismatches"]] == [
        ("out_of_order", "a"),
        ("edited", "b"),
        ("missing", "c"),
    ]


def test_allowing_one_file_allows_no_other() -> None:
    """The way out is per file."""
    with pytest.raises(HistoryMismatch) as caught:
        make_plan(files(a="q", b="q"), history(a="x", b="y"), Allow(allow_edited=frozenset({"a"})))
    assert [each["migration"] for each in caught.value.facts["mismatches"]] == ["b"]


def test_a_file_whose_first_statement_failed_left_no_trace_that_counts() -> None:
    """It may be renamed, deleted, or come before another that is added."""
    past = History({"a": Past(sums(), 0, complete=False, failed=1)})
    assert left(files(b="x"), past) == [("b", 1)]
    assert left(files(a="q", b="x"), past) == [("a", 1), ("b", 1)]


def test_a_statement_in_doubt_comes_before_everything_else() -> None:
    """Nothing is planned while it is unknown what was done; the question names the place and the two answers."""
    entry = Entry(7, "a", 2, 3, 9, "alter table", b"", 1, 2, "u", datetime(2026, 1, 2, tzinfo=UTC), "begun")
    past = replace(history(b="q"), in_doubt=(entry,))
    with pytest.raises(
        StatementInDoubt, match=r"schemagate resolve a:2 --applied.*schemagate resolve a:2 --not-applied"
    ):
        make_plan(files(a="xyz"), past, NOTHING)


NAMES = st.sampled_from(["a", "b", "c", "d", "e"])
TEXTS = st.text("xyz", max_size=4)


@given(first=st.dictionaries(NAMES, TEXTS), second=st.dictionaries(NAMES, TEXTS), stop=st.integers(0, 12))
def test_a_plan_never_runs_a_statement_twice_nor_leaves_one_out(
    first: dict[str, str], second: dict[str, str], stop: int
) -> None:
    """Files are run, stopped anywhere, changed, planned again: what is left is what is not applied, or refused."""
    done: dict[str, tuple[str, int]] = {}
    for name, text in sorted(first.items()):
        ran = text[: max(0, stop)]
        stop -= len(text)
        if ran:
            done[name] = (ran, len(text))
    past = History({name: Past(sums(*ran), count, complete=len(ran) == count) for name, (ran, count) in done.items()})
    now = files(**second)
    contradictory = (
        any(not second.get(name, "").startswith(ran) for name, (ran, _) in done.items())
        or any(len(ran) == count < len(second.get(name, "")) for name, (ran, count) in done.items())
        or any(text and name not in done and name < max(done, default="") for name, text in second.items())
    )
    assert bool(mismatches(now, past)) == contradictory
    if contradictory:
        with pytest.raises(HistoryMismatch):
            make_plan(now, past, NOTHING)
        return
    expected = [
        (name, len(done.get(name, ("", 0))[0]) + 1)
        for name, text in sorted(second.items())
        if len(text) > len(done.get(name, ("", 0))[0])
    ]
    plan = make_plan(now, past, NOTHING)
    assert [(todo.migration.name, todo.first) for todo in plan.todo] == expected
    assert plan.applied + len(plan.todo) == len(second)
    assert plan.statements == sum(len(second[name]) - first + 1 for name, first in expected)
