"""What a start that died has left behind in the server: the session that still holds `stmt`.

Only a start that holds `alive` comes here, so whoever holds `stmt` is no living start (see `lock.py`).
"""

from __future__ import annotations

import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from schemagate.errors import SchemagateError
from schemagate.lexer import quote
from schemagate.lock import (
    Waiting,
    describe,
    holder_of,
    lock_name,
    ours_name,
    take_to_work,
    while_waiting,
    working_name,
)
from schemagate.refusals import ServerError
from schemagate.sessions import open_session

if TYPE_CHECKING:
    from schemagate.database import Connection
    from schemagate.lock import Still
    from schemagate.log import Log
    from schemagate.server import Server
    from schemagate.settings import Settings
    from schemagate.stop import Stop

# The states of a session that waits for somebody else's lock on a table, a routine, or everything.
# https://dev.mysql.com/doc/refman/9.4/en/general-thread-states.html, https://mariadb.com/kb/en/general-thread-states/
IN_A_QUEUE = re.compile(
    r"Waiting for (\w+ )*(metadata lock|global read lock|commit lock|backup lock|table flush)", re.IGNORECASE
)


# A start that lives and has lost its watch session says so within this time: it looks every second whether that is
# there, and has five to log in anew.
A_WORD_SECONDS = 7.0


class Seen(NamedTuple):
    """A session that holds `stmt`, as one look shows it.

    `known`: it is a start's, which has `ours`, too, or which the journal has as one that ran in it on this server and
    has not ended; and nothing says that it lives.
    `command` is None where the account may not see the session.
    """

    connection: int
    known: bool
    command: str | None = None
    state: str = ""
    statement: str = ""


def verdict(now: Seen, before: Seen | None, mode: str) -> str | None:
    """Why this orphan is to be ended; None if it is to be waited for.

    Both looks have to agree: it may have been on its way out at the first. A session that is no start's is never ended:
    somebody may hold the lock by hand.
    """
    if not now.known or before is None or before.connection != now.connection or now.command in (None, "Killed"):
        return None
    if now.command == before.command == "Sleep":
        return "it runs nothing, and nobody will send it anything"
    if now.statement == before.statement and IN_A_QUEUE.match(now.state) and IN_A_QUEUE.match(before.state):
        return "it waits for a lock that somebody else holds, and keeps all others from the table"
    return "SCHEMAGATE_ORPHAN is kill" if mode == "kill" and now.command not in ("Sleep", "Killed") else None


def outlast(session: Connection, here: Server, settings: Settings, stop: Stop, log: Log, still: Still = bool) -> None:
    """Take `stmt` in this session, which is to run the statements.

    An orphan whose statement runs is waited for until that has ended, however long it takes, because only then can
    anybody know what it did; it is said every five seconds. Where the setting says so, where it waits for a lock
    itself, or runs nothing any more, it is ended: its statement is rolled back by the server. A session that is not
    known or not to be seen is waited for as long as for a living start: then LockTimeout.
    """
    with while_waiting(stop):
        _outlast(session, here, settings, stop, log, still)


def _outlast(session: Connection, here: Server, settings: Settings, stop: Stop, log: Log, still: Still) -> None:
    waiting = Waiting(session, here, settings, stop, log, still)
    before: Seen | None = None
    since: dict[
        int, float
    ] = {}  # from when on the start of a session that is to be ended had room to say that it lives
    ended: set[int] = set()
    why_not = ""
    while not take_to_work(session, here.database):
        now = _look(session, here)
        if now is None:
            waiting.stop_if_asked()
            continue
        last, before = before, now
        if not now.known or (now.command is None and now == last):
            waiting.go_on()
            continue
        waiting.stop_if_asked()
        if now.command is None:  # not to be seen, or gone: then nobody has the lock at the next look
            continue
        reason = verdict(now, last, settings.orphan)
        if reason and now.connection not in ended and not _had_a_word(now.connection, since, settings, stop):
            reason = None
            if now.connection not in since:
                waiting.go_on()
                continue
        facts = describe(session, here.database, now.connection)
        if reason and now.connection not in ended:
            ended.add(now.connection)
            why_not = _end(session, now.connection)
            if not why_not:
                log.warning("orphan.killed", **facts, state=now.state, reason=reason, waited_seconds=waiting.seconds)
                continue
        if waiting.due():
            more = {"reason": why_not} if why_not else {}
            log.info("orphan.waiting", **facts, state=now.state, **more, waited_seconds=waiting.seconds)


def _had_a_word(orphan: int, since: dict[int, float], settings: Settings, stop: Stop) -> bool:
    """Would its start have said by now that it lives, had it only lost its watch session? Where the server has no room
    for one more session of the account, it cannot.
    """
    began = since.get(orphan)
    if began is not None and time.monotonic() - began < A_WORD_SECONDS:
        return False
    try:
        open_session(settings, settings.database, [], stop, seconds=A_WORD_SECONDS).close()
    except SchemagateError:
        since.pop(orphan, None)
        return False
    since.setdefault(orphan, time.monotonic())
    return began is not None


def _end(session: Connection, orphan: int) -> str:
    """End a session; returns why that could not be. It takes no right where it is one of the same account."""
    try:
        session.execute(f"KILL {orphan}")
    except ServerError as error:
        gone = 1094
        return "" if error.errno == gone else f"it may not be ended by this account ({error.errno}: {error.text})"
    return ""


def _look(session: Connection, here: Server) -> Seen | None:
    orphan = holder_of(session, lock_name(here.database))
    if orphan is None:
        return None
    lives = holder_of(session, working_name(here.database, orphan)) is not None
    known = holder_of(session, ours_name(here.database)) == orphan
    # Ids of connections begin anew with every restart, and other servers have their own.
    with suppress(ServerError):  # no start has ever come so far here
        known = known or bool(
            session.execute(
                f"SELECT 1 FROM {quote(here.database)}.schemagate_starts WHERE connection_id = %s AND server_uuid = %s "
                "AND exit_code IS NULL LIMIT 1",
                orphan,
                here.uuid,
            ).rows
        )
    known = known and not lives
    rows = session.execute("SELECT COMMAND, STATE, INFO FROM information_schema.PROCESSLIST WHERE ID = %s", orphan).rows
    if not rows:
        return Seen(orphan, known)
    command, state, statement = (str(value or "") for value in rows[0])
    return Seen(orphan, known, command, state, statement)
