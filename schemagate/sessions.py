"""The sessions that a start opens beside its first one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

from schemagate.database import NOT_LET_IN, Connection, connect
from schemagate.errors import AccessDenied, ConnectionLost, DatabaseUnavailable
from schemagate.refusals import DENIED_LOGIN, FULL, denied_message, number_of

if TYPE_CHECKING:
    from schemagate.settings import Settings
    from schemagate.stop import Stop
    from schemagate.watch import Watch


def open_session(
    settings: Settings,
    database: str | None,
    opening: Sequence[str],
    stop: Stop | None = None,
    watch: Watch | None = None,
    seconds: float | None = None,
) -> Connection:
    """One more session beside one that works: for running migrations, and for the shadow. `opening` is run in it.

    With `stop` a signal that comes while it logs in raises Interrupted at once, and later on, too, until it is watched.
    An answer is waited for as long as it takes, or so many `seconds`, and so is the login.
    """
    try:
        with stop.at_once(anew=True) if stop else nullcontext():
            connection = connect(settings, database, seconds=seconds)
    except NOT_LET_IN as error:
        errno, text = number_of(error)
        if errno in DENIED_LOGIN:
            raise AccessDenied(denied_message(settings, errno, text), errno=errno, error=text) from error
        if errno in FULL:
            raise DatabaseUnavailable(
                f"One more session with MySQL was refused ({errno}: {text}): the account needs three at a time. "
                "Raise the limit, or start again when there is room.",
                errno=errno,
                error=text,
            ) from error
        raise ConnectionLost(
            "A second session with MySQL could not be opened; start again.", errno=errno, error=text
        ) from error
    connection.be_patient(seconds)
    connection.hears = stop
    try:
        if watch:
            watch.guard(connection)
        for text in opening:
            connection.execute(text)
    except BaseException:
        connection.close()
        raise
    return connection
