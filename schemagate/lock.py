"""One start at a time."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from schemagate.errors import ConnectionLost, Interrupted, LockTimeout
from schemagate.lexer import quote
from schemagate.refusals import INTERRUPTED, ServerError

if TYPE_CHECKING:
    from schemagate.database import Connection
    from schemagate.log import Log
    from schemagate.server import Server
    from schemagate.settings import Settings
    from schemagate.stop import Stop

SAY_EVERY_SECONDS = 5.0


def lock_name(database: str) -> str:
    """The name of the lock that guards a schema; `database` as the server returns it from DATABASE().

    At most 64 characters (MySQL's limit), and no upper case: names are compared case-sensitively by MariaDB alone.
    """
    return "schemagate:" + hashlib.sha256(database.encode()).hexdigest()[:32]


@contextmanager
def lock(
    connection: Connection,
    here: Server,
    settings: Settings,
    stop: Stop,
    log: Log,
) -> Iterator[None]:
    """Hold the schema's lock in this session, the one that runs the statements; gives the seconds waited.

    So a statement that goes on in the server after we were killed keeps the lock until it has ended. While another
    start holds it, says every five seconds who that is, since when, and what it does.
    Raises LockTimeout after `lock_seconds`, Interrupted on a signal.
    """
    name, began = lock_name(here.database), time.monotonic()
    said = float("-inf")
    while not _try(connection, name, min(1.0, settings.lock_seconds)):
        if stop.requested:
            raise _asked_to_stop(stop)
        waited = time.monotonic() - began
        if waited >= settings.lock_seconds:
            holder = _holder(connection, name, here.database)
            raise LockTimeout(
                f"Another start{_by(holder)} has held the lock for longer than {settings.lock_seconds:g} s. Let it "
                "finish (or raise SCHEMAGATE_LOCK_SECONDS) and start again.",
                **holder,
                waited_seconds=round(waited, 3),
            )
        if time.monotonic() - said >= SAY_EVERY_SECONDS:
            said = time.monotonic()
            log.info("lock.waiting", **_holder(connection, name, here.database), waited_seconds=round(waited, 3))
    log.info("lock.taken", waited_seconds=round(time.monotonic() - began, 3))
    try:
        if stop.requested:
            raise _asked_to_stop(stop)
        yield
    finally:
        with suppress(ServerError, ConnectionLost):  # it ends with the session, which is gone or about to be closed
            connection.execute("SELECT RELEASE_LOCK(%s)", name)


def _asked_to_stop(stop: Stop) -> Interrupted:
    return Interrupted("Asked to stop while waiting for another start; nothing was changed.", stop.signum)


def held(connection: Connection, database: str) -> bool:
    """Is the lock still ours? A proxy that changed our session behind our back would have lost it."""
    return bool(connection.execute("SELECT IS_USED_LOCK(%s) = CONNECTION_ID()", lock_name(database)).rows[0][0])


def _try(connection: Connection, name: str, seconds: float) -> bool:
    try:
        return bool(connection.execute("SELECT GET_LOCK(%s, %s)", name, max(0, round(seconds))).rows[0][0])
    except ServerError as error:
        if error.errno == INTERRUPTED:  # MySQL's answer to KILL QUERY; MariaDB's is NULL
            return False
        raise


def worker(connection: Connection, database: str) -> dict[str, object] | None:
    """Who holds the lock now, as `describe` has it; None if nobody does. It takes no right to ask."""
    (holder,) = connection.execute("SELECT IS_USED_LOCK(%s)", lock_name(database)).rows[0]
    return None if holder is None else describe(connection, database, int(holder))


def _holder(connection: Connection, name: str, database: str) -> dict[str, object]:
    (holder,) = connection.execute("SELECT IS_USED_LOCK(%s)", name).rows[0]
    return describe(connection, database, int(holder)) if holder is not None else {"holder": "just gone"}


def _by(holder: dict[str, object]) -> str:
    return f" ({holder['holder']}, since {holder['since']})" if holder.get("since") else ""


def describe(connection: Connection, database: str, holder: int) -> dict[str, object]:
    """Who holds the lock, for those who wait: host, since when, doing what. As much as there is to see."""
    facts: dict[str, object] = {"holder": f"connection {holder}", "since": None, "doing": None}
    db = quote(database)
    try:
        rows = connection.execute(
            f"SELECT id, host, CAST(began_at AS CHAR) FROM {db}.schemagate_starts "
            "WHERE connection_id = %s AND exit_code IS NULL ORDER BY id DESC LIMIT 1",
            holder,
        ).rows
        if rows:
            start, facts["holder"], facts["since"] = rows[0]
            doing = connection.execute(
                f"SELECT migration, ordinal, kind FROM {db}.schemagate_journal WHERE start_id = %s ORDER BY id DESC "
                f"LIMIT 1",
                start,
            ).rows
            if doing:
                facts["doing"] = f"{doing[0][0]}:{doing[0][1]} {doing[0][2]}"
    except ServerError:
        pass  # it has only just begun and its tables are not there yet
    try:
        rows = connection.execute("SELECT TIME, INFO FROM information_schema.PROCESSLIST WHERE ID = %s", holder).rows
        if rows and rows[0][1]:
            facts["statement"], facts["running_seconds"] = str(rows[0][1])[:200], int(rows[0][0])
    except ServerError:
        pass  # the process list is more than this account may see
    return facts
