"""What is worth another attempt, and how many of them."""

from __future__ import annotations

import pytest

from schemagate.errors import AccessDenied, ConnectionLost, LockTimeout, StatementFailed
from schemagate.refusals import ServerError
from schemagate.settings import Settings, load_settings
from schemagate.survive import LOSSES, Trail, is_in_the_way, is_lost, pause_before

LEAST = {"MYSQL_DATABASE": "shop", "MYSQL_USER": "shop", "MYSQL_PASSWORD": ""}
READ_ONLY = "The MySQL server is running with the --read-only option so it cannot execute this statement"


def load(**variables: str) -> Settings:
    return load_settings(LEAST | variables, {}, needs_migrations=False)


@pytest.mark.parametrize(
    "error",
    [
        ConnectionLost("gone", errno=2013),
        ServerError(1290, READ_ONLY),
        ServerError(1836, "Running in read-only mode"),
        StatementFailed("refused", errno=1290, error=READ_ONLY),
    ],
)
def test_a_connection_is_lost(error: Exception) -> None:
    """Also where it is there, and the server takes nothing any more."""
    assert is_lost(error)
    assert not is_in_the_way(error)


@pytest.mark.parametrize(
    "error",
    [
        ServerError(1290, "The MySQL server is running with the --secure-file-priv option so it cannot …"),
        StatementFailed("refused", errno=1064, error="syntax"),
        LockTimeout("another start", errno=1205),
        AccessDenied("no", errno=1045),
        ServerError(1205, "Lock wait timeout exceeded"),
    ],
)
def test_what_another_attempt_would_not_mend(error: Exception) -> None:
    """A refusal stays one. 1205 outside of a statement of a migration was waited for already."""
    assert not is_lost(error)
    assert not is_in_the_way(error)


@pytest.mark.parametrize("errno", [1213, 3101])
def test_a_commit_that_another_member_was_faster_than_is_tried_again(errno: int) -> None:
    """It is a statement of ours, and the whole transaction was taken back."""
    assert is_in_the_way(ServerError(errno, "conflict"))


def test_a_statement_is_tried_as_often_as_is_set() -> None:
    """With pauses that grow; and anew once something was applied."""
    settings, trail = load(SCHEMAGATE_RETRIES="2"), Trail()
    error = StatementFailed("refused", errno=1213, error="Deadlock found")
    trail.planned(5)
    first, second = pause_before(error, trail, settings), pause_before(error, trail, settings)
    assert first is not None
    assert second is not None
    assert 0.1 < first < second < 1.1
    assert pause_before(error, trail, settings) is None
    trail.planned(5)
    assert pause_before(error, trail, settings) is None
    trail.planned(4)
    assert pause_before(error, trail, settings) is not None
    assert trail.pending == 5


def test_a_connection_that_is_lost_in_one_place_is_given_up_after_three_times() -> None:
    """The first time is no reason to pause; and none is survived where the setting is 0."""
    settings, trail = load(), Trail()
    pauses = [pause_before(ConnectionLost("gone"), trail, settings) for _ in range(LOSSES + 1)]
    assert pauses[0] == 0
    assert pauses[LOSSES] is None
    assert None not in pauses[:LOSSES]
    assert pause_before(ConnectionLost("gone"), Trail(), load(SCHEMAGATE_RECONNECT_SECONDS="0")) is None
