"""A fixed slice of the kill matrix: `make kill-matrix` is the whole of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.crash import matrix
from tests.crash.matrix import Point
from tests.crash.statements import UNDECIDABLE, VARIANTS
from tests.crash.trial import Stage, stage
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
    assert [f"{point}: {outcome.codes} {outcome.why}" for point, outcome in result.wrong] == []
    assert set(result.asked) - UNDECIDABLE == set()
    assert result.count()["missed"] < len(points) / 2


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_start_that_is_killed_or_cut_off_is_made_good_by_the_next(here: Stage, variant: str) -> None:
    """Killed, cut off, reset or stalled at points all over the conversation, also beside the live session."""
    points = list(matrix.conversation(here, [variant]))
    proven(here, points[5::230])


def test_a_server_that_is_killed_around_a_statement_loses_nothing(server: Server, tmp_path: Path) -> None:
    """With kill -9, before, during and after; the client sees it go, and so does the next start."""
    with matrix.own_stage(server, tmp_path) as own:
        during = list(matrix.during(own, ROWS, ["server"]))
        proven(own, [*list(matrix.server_kills())[4::97], *during[::14]], parallel=1)


def test_a_statement_in_the_middle_ends_as_if_nobody_had_gone(here: Stage) -> None:
    """The client is killed, or the connection cut, while a long statement runs: the server goes on with it."""
    proven(here, list(matrix.during(here, ROWS, ["kill", "drop"]))[::11])


def test_a_statement_that_waits_for_somebody_else_is_found_again(here: Stage) -> None:
    """The client is killed while its statement waits for a transaction that somebody forgot."""
    proven(here, list(matrix.waiting())[::4])


def test_chance_is_the_same_for_the_same_seed(here: Stage) -> None:
    """So that what it finds can be tried again; and several interruptions in a row are made good as well."""
    points = list(matrix.by_chance(here, 8, "slice"))
    assert points == list(matrix.by_chance(here, 8, "slice"))
    assert points != list(matrix.by_chance(here, 8, "another"))
    assert [matrix.find_point(str(point), ROWS).faults for point in points] == [point.faults for point in points]
    proven(here, [point for point in points if len(point.faults) > 1][:3])
