"""Which session of a dead start is ended, and which is waited for."""

from __future__ import annotations

import pytest

from schemagate.orphans import Seen, verdict

RUNS = Seen(7, True, "Query", "copy to tmp table", "ALTER TABLE a")
QUEUES = Seen(7, True, "Query", "Waiting for table metadata lock", "ALTER TABLE a")
IDLE = Seen(7, True, "Sleep")


@pytest.mark.parametrize("mode", ["wait", "kill"])
def test_nobody_is_ended_at_first_sight(mode: str) -> None:
    """It may be on its way out."""
    assert [verdict(seen, None, mode) for seen in (RUNS, QUEUES, IDLE)] == [None, None, None]


def test_what_runs_is_waited_for_unless_the_setting_says_else() -> None:
    """Its work would be lost."""
    assert verdict(RUNS, RUNS, "wait") is None
    assert verdict(RUNS, RUNS, "kill") == "SCHEMAGATE_ORPHAN is kill"


@pytest.mark.parametrize(
    "state",
    [
        "Waiting for table metadata lock",
        "Waiting for stored procedure metadata lock",
        "Waiting for schema metadata lock",
        "Waiting for global read lock",
        "Waiting for commit lock",
        "Waiting for backup lock",
        "Waiting for table flush",
    ],
)
def test_what_waits_in_a_queue_is_ended(state: str) -> None:
    """It keeps others from what it has not got itself."""
    seen = QUEUES._replace(state=state)
    assert "waits for a lock" in (verdict(seen, seen, "wait") or "")


def test_what_has_just_begun_to_wait_or_moved_on_is_not_ended() -> None:
    """Both looks have to agree, on the same statement in the same session."""
    assert verdict(QUEUES, RUNS, "wait") is None
    assert verdict(QUEUES, QUEUES._replace(statement="ALTER TABLE b"), "wait") is None
    assert verdict(QUEUES, QUEUES._replace(connection=8), "wait") is None
    assert verdict(IDLE, RUNS, "wait") is None


def test_a_session_that_runs_nothing_any_more_is_ended() -> None:
    """There is nobody who would send it anything."""
    assert "runs nothing" in (verdict(IDLE, IDLE, "wait") or "")


@pytest.mark.parametrize(
    "seen",
    [
        RUNS._replace(known=False),
        IDLE._replace(known=False),
        RUNS._replace(command=None),
        RUNS._replace(command="Killed"),
    ],
)
def test_a_session_that_is_not_known_or_not_seen_is_left_alone(seen: Seen) -> None:
    """Somebody may hold the lock by hand; and one that is being ended needs no more."""
    assert verdict(seen, seen, "kill") is None
