"""A fixed slice of the kill matrix: `make kill-matrix` is the whole of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.crash import kept, matrix, report
from tests.crash.faults import Finder, nth, points
from tests.crash.matrix import Point
from tests.crash.relay import Exchange
from tests.crash.stage import Stage, stage
from tests.crash.statements import UNDECIDABLE
from tests.crash.stories import STORIES
from tests.crash.trial import Outcome
from tests.reach import Server

ROWS = 20_000


@pytest.fixture(scope="module")
def here(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The server, with starts at hand."""
    with stage(server, tmp_path_factory.mktemp("crash")) as made:
        yield made


def proven(here: Stage, points: Sequence[Point], parallel: int = 2) -> None:
    """Each of the points ends equal, or by asking what has to be asked."""
    assert points
    result = matrix.run(here, points, parallel)
    assert len(result.done) == len(points)
    assert [f"{point}: {outcome.codes} {outcome.why}" for point, outcome in result.wrong] == []
    assert set(result.asked) - UNDECIDABLE == set()
    assert result.count()["missed"] < len(points) / 2


def test_a_start_that_is_killed_or_cut_off_is_made_good_by_the_next(here: Stage) -> None:
    """Killed, cut off, reset or stalled at points all over the conversation, also beside the live session."""
    points = list(matrix.conversation(here))
    proven(here, points[3::41])


def test_a_server_that_is_killed_around_a_statement_loses_nothing(server: Server, tmp_path: Path) -> None:
    """With kill -9, before, during and after; the client sees it go, and so does the next start."""
    with matrix.own_stage(server, tmp_path) as own:
        during = list(matrix.during(ROWS, ["server"]))
        proven(own, [*list(matrix.server_kills())[4::49], *during[4::14]], parallel=1)


def test_a_statement_in_the_middle_ends_as_if_nobody_had_gone(here: Stage) -> None:
    """The client is killed, or the connection cut, while a long statement runs: the server goes on with it."""
    proven(here, list(matrix.during(ROWS, ["kill", "drop"]))[::5])


def test_a_statement_that_waits_for_somebody_else_is_found_again(here: Stage) -> None:
    """The client is killed while its statement waits for a transaction that somebody forgot."""
    proven(here, list(matrix.waiting())[::4])


def test_chance_is_the_same_for_the_same_seed(here: Stage) -> None:
    """So that what it finds can be tried again; and several interruptions in a row are made good as well."""
    points = list(matrix.by_chance(here, 8, "slice"))
    assert points == list(matrix.by_chance(here, 8, "slice"))
    assert points != list(matrix.by_chance(here, 8, "another"))
    assert [matrix.find_point(str(point), ROWS) for point in points] == points
    proven(here, [point for point in points if len(point.faults) > 1][:3])


def test_every_chapter_of_a_life_is_interrupted_once_at_most(here: Stage) -> None:
    """All points are tried, and no two of them in the same chapter of one schema."""
    points = list(matrix.waiting())
    lives = matrix.lives(points)
    assert sorted(map(str, points)) == sorted(str(point) for life in lives for point in life)
    for life in lives:
        assert len({point.chapter for point in life}) == len(life)
        assert len({point.story.name for point in life}) == 1


SAID = (
    Exchange(0, "connect 0", False),
    Exchange(1, "SELECT GET_LOCK('x', 1)", True),
    Exchange(2, "SHOW CREATE TABLE `a`", False),
    Exchange(3, "SHOW CREATE TABLE `b`", False),
    Exchange(4, "CREATE TABLE a (id INT)", False),
    Exchange(5, "REPLACE INTO `crash_0123456789`.schemagate_journal VALUES (1, 'begun')", True),
    Exchange(6, "CREATE TABLE a (id INT)", True),
    Exchange(7, "REPLACE INTO `crash_0123456789`.schemagate_journal VALUES (1, 'applied')", True),
)


def test_what_is_the_same_point_is_one_point() -> None:
    """Reading two tables is reading; a statement is a point each time, whatever was said before."""
    known: set[str] = set()
    first = [str(fault) for fault in points(SAID, known)]
    assert [each for each in first if each.endswith(("@0", "@2", "@3"))] == [
        "kill@done@0", "drop@done@0", "drop@torn@0", "reset@done@0", "drop@done@2", "drop@torn@2", "reset@done@2",
    ]  # fmt: skip
    assert "kill@sent@6" in first
    assert "kill@sent@7" not in first
    again = [fault.place for fault in points(SAID, known)]
    assert set(again) == {5, 6, 7}
    assert list(points(SAID, known, twin=True)) == []
    assert not any(fault.action == "reset" for fault in points(SAID, set(), resets=False))


def test_a_point_is_found_again_where_more_is_said() -> None:
    """Names, locks and values are others in every start, and one that takes long says more."""
    texts = ["SELECT 1", *(each.text.replace("0123456789", "abcdefabcd") for each in SAID)]
    said = [Exchange(number, text.replace("(1, 'b", "(77, 'b"), True) for number, text in enumerate(texts)]
    finder = Finder(nth(SAID, 7))
    assert [each.number for each in said if finder.is_it(each, "before") and finder.is_it(each, "done")] == [8]


def test_a_run_that_was_ended_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was made good is not tried again; what was wrong is, and so is all of another state of the code."""
    one, two = list(matrix.waiting())[:2]
    first = kept.Kept("some", fresh=False, folder=tmp_path)
    first.add(one, Outcome("equal", codes=[-9, 0]))
    first.add(two, Outcome("wrong", "so it is"))
    first.end(12.5)
    second = kept.Kept("some", fresh=False, folder=tmp_path)
    assert second.known == {str(one): Outcome("equal", codes=[-9, 0])}
    assert second.seconds == 12.5
    monkeypatch.setattr(kept, "code", lambda: "another")
    assert kept.Kept("some", fresh=False, folder=tmp_path).known == {}


def test_the_part_of_one_server_on_the_page_leaves_those_of_others(tmp_path: Path) -> None:
    """So that a run for each of three servers makes one page."""
    page = tmp_path / "page.md"
    report.write("mariadb-11.8", "## mariadb-11.8\n\nold\n", page)
    report.write("mysql-9.7", "## mysql-9.7\n\none\n", page)
    report.write("mariadb-11.8", "## mariadb-11.8\n\nnew\n", page)
    said = page.read_text("utf-8")
    assert said.startswith(report.HEAD)
    assert said.removeprefix(report.HEAD).split() == ["##", "mysql-9.7", "one", "##", "mariadb-11.8", "new"]


def test_every_story_has_what_is_decided_in_its_own_way() -> None:
    """The first has all statements and all ways to cut; those that only say the same again come last."""
    stories = list(STORIES.values())
    assert [each.name for each in stories if each.resets] == [stories[0].name]
    assert [each.twin for each in stories] == sorted(each.twin for each in stories)
