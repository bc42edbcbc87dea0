"""What a start survives: a connection that is lost, a server that turns read-only, a lock that it did not get.

Each time the story begins anew where the journal says: another session, the locks, what is in doubt, the plan.
"""

from __future__ import annotations

import random
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from schemagate.current import meet
from schemagate.errors import (
    AccessDenied,
    ConnectionLost,
    DatabaseUnavailable,
    Interrupted,
    SchemagateError,
    StatementFailed,
)
from schemagate.refusals import FULL, LOCK_WAIT, WORTH_A_RETRY, ServerError, number_of, turned_read_only

if TYPE_CHECKING:
    from collections.abc import Callable

    from schemagate.database import Connection
    from schemagate.history import Entry
    from schemagate.journal import Journal
    from schemagate.log import Log
    from schemagate.server import Server
    from schemagate.settings import Settings
    from schemagate.stop import Stop

LOSSES = 3  # in one place: the statement at hand may be what ends the server
LONGEST_PAUSE_SECONDS = 10.0
LEFT = (
    "the journal has what was applied; the next start goes on from there, and looks what became of a statement that "
    "was under way."
)
# What of an error is said where it is not the end.
TOLD = ("migration", "ordinal", "line", "state", "errno", "error", "blockers")


class Trail:
    """How far a start has come over all its attempts. `again` counts those in the place where it is now."""

    def __init__(self) -> None:
        self.pending: int | None = None
        """Statements that were left when the first plan was made."""
        self._left: int | None = None
        self.lost = self.again = 0
        self.full_since: float | None = None
        """Since when there was no room for all sessions of an attempt."""
        self._journal: Journal | None = None
        self._untold: list[Entry] = []

    def known(self, journal: Journal, here: Server) -> dict[tuple[int, int], str]:
        """What earlier attempts could not write any more: entry and start -> outcome, as this same server said it.

        Entries of a transaction that was lost are among them; of these, nothing is in doubt. `journal` is that of the
        attempt that begins now.
        """
        self._untold += self._journal.untold if self._journal else []
        self._journal = journal
        return {(entry.id, entry.start_id): entry.outcome for entry in self._untold if entry.server_uuid == here.uuid}

    def planned(self, statements: int) -> None:
        """So many statements are left now. Fewer than at the last attempt: what went wrong since counts no more."""
        if self.pending is None:
            self.pending = statements
        if self._left is not None and statements < self._left:
            self.lost = self.again = 0
            self.full_since = None
        self._left = statements


def surviving(
    attempt: Callable[[Connection, Server, Trail], dict[str, Any]],
    connection: Connection,
    here: Server,
    settings: Settings,
    stop: Stop,
    log: Log,
) -> dict[str, Any]:
    """What `attempt` returns in the end; the first one gets `connection`, which the caller closes.

    After a connection that was lost, and on a server that turned read-only, waits up to `reconnect_seconds` for one
    that can be written to, under the name that is resolved anew; not more than three times in one place. A statement
    that did not get its lock is tried `retries` times more, after pauses. A server without room for one more session is
    waited for, as at the beginning. Raises what an attempt raised last.
    """
    trail, again = Trail(), settings._replace(wait_seconds=max(1.0, settings.reconnect_seconds))
    lost: Exception | None = None
    while True:
        with closing(connection):
            try:
                return attempt(connection, here, trail)
            except Interrupted as interrupted:
                if lost is None or "migration" in interrupted.facts:
                    raise
                raise _stopped(lost, stop) from interrupted  # what an earlier attempt did, this one does not know
            except (SchemagateError, ServerError) as error:
                pause = pause_before(error, trail, settings)
                if pause is None:
                    raise
                lost = error
        if not stop.requested:
            _say(lost, trail, pause, log)
            stop.sleep(pause)
        try:
            stop.check()
            connection, greeting = meet(settings if is_full(lost) else again, stop, log, to_write=True)
        except Interrupted:
            raise _stopped(lost, stop) from lost
        except AccessDenied as denied:
            denied.message += f" This start was in the middle of its work: {LEFT}"
            denied.facts = _told(lost) | denied.facts  # the refusal has numbers of its own
            raise
        except DatabaseUnavailable as away:
            raise (lost if isinstance(lost, ConnectionLost) else away) from lost
        here = greeting.server


def _stopped(lost: Exception, stop: Stop) -> Interrupted:
    reason = "the connection was lost" if is_lost(lost) else "a statement could not have its lock and was taken back"
    reason = "the server had no room for one more session" if is_full(lost) else reason
    return Interrupted(f"Asked to stop after {reason}. {LEFT[0].upper()}{LEFT[1:]}", stop.signum, **_told(lost))


def _told(lost: Exception) -> dict[str, Any]:
    facts = lost.facts if isinstance(lost, SchemagateError) else {}
    return {name: fact for name, fact in facts.items() if name in TOLD}


def pause_before(error: Exception, trail: Trail, settings: Settings) -> float | None:
    """How many seconds to wait before the next attempt; None if there is to be none."""
    if is_full(error):
        now = time.monotonic()
        trail.full_since = now if trail.full_since is None else trail.full_since
        waits = now - trail.full_since < settings.wait_seconds
        return random.uniform(0.2, 1.0) if waits else None  # noqa: S311
    trail.full_since = None
    if is_lost(error):
        trail.lost += 1
        return _growing(trail.lost - 1) if trail.lost <= LOSSES and settings.reconnect_seconds else None
    if is_in_the_way(error):
        trail.again += 1
        return _growing(trail.again) if trail.again <= settings.retries else None
    return None


def _growing(attempt: int) -> float:
    """0, then 0.2 s, 0.8 s, 3.2 s, … and a bit more or less, so that two starts keep no step."""
    if not attempt:
        return 0.0
    return float(min(LONGEST_PAUSE_SECONDS, 0.2 * 4 ** (attempt - 1)) * random.uniform(0.75, 1.25))  # noqa: S311


def is_lost(error: Exception) -> bool:
    """Is the session gone, or may it write no more?"""
    if isinstance(error, ConnectionLost):
        return True
    return turned_read_only(*_number(error))  # 1792 may be a transaction that the file itself made read-only


def is_full(error: Exception) -> bool:
    """Was one more session refused, for now? Ours are closed meanwhile, so that starts do not wait for each other."""
    return isinstance(error, DatabaseUnavailable) and error.facts.get("errno") in FULL


def is_in_the_way(error: Exception) -> bool:
    """Was a statement refused only because somebody else held a lock, and taken back? Or one of ours, as a COMMIT that
    another member of a cluster was faster than?
    """
    if isinstance(error, ServerError):  # a lock that ours did not get was waited for already
        return error.errno in WORTH_A_RETRY - {LOCK_WAIT}
    return isinstance(error, StatementFailed) and _number(error)[0] in WORTH_A_RETRY


def _number(error: Exception) -> tuple[int, str]:
    if isinstance(error, SchemagateError):
        return int(error.facts.get("errno") or 0), str(error.facts.get("error") or error.message)
    return number_of(error)


def _say(error: Exception, trail: Trail, pause: float, log: Log) -> None:
    errno, text = _number(error)
    if is_full(error):
        since = trail.full_since or time.monotonic()
        log.info("database.waiting", reason="too many connections", waited_seconds=round(time.monotonic() - since, 3))
        return
    if is_lost(error):
        log.warning("start.resumed", errno=errno, error=text, times=trail.lost)
        return
    facts = error.facts if isinstance(error, SchemagateError) else {}
    told = {name: facts[name] for name in ("migration", "object", "ordinal", "line", "blockers") if facts.get(name)}
    log.warning("statement.retried", **told, errno=errno, error=text, times=trail.again, pause_seconds=round(pause, 3))
