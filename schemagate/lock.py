"""One start at a time: the two locks of a schema, and who holds them.

`alive` is held by a start in its watch session, which does nothing else; `stmt` in the session that runs the
statements. `alive` is always taken first and given back last. So whoever has `alive` and does not get `stmt` knows that
no living start holds it: what holds it is an orphan, the session of a start that died while its statement ran on in
the server. A start between its two locks holds `alive`, and can be taken for nothing else than living. One that loses
its watch session to somebody who was waiting says with a third lock that it lives. And a fourth, `ours`, is taken and
given back with `stmt`: it tells a start's session from that of somebody who has taken `stmt` by hand. A fifth,
`shadow`, is held by the session that works in the shadow: see `scratch.py`.
"""

from __future__ import annotations

import hashlib
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from schemagate.errors import Interrupted, LockTimeout
from schemagate.lexer import beginning, quote
from schemagate.refusals import INTERRUPTED, ServerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from schemagate.database import Connection
    from schemagate.log import Log
    from schemagate.server import Server
    from schemagate.settings import Settings
    from schemagate.stop import Stop

    Still = Callable[[Connection], object]

SAY_EVERY_SECONDS = 5.0


def lock_name(database: str) -> str:
    """The name of the lock `stmt` of a schema; `database` as the server returns it from DATABASE().

    At most 64 characters (MySQL's limit), and no upper case: names are compared case-sensitively by MariaDB alone.
    """
    return "schemagate:" + hashlib.sha256(database.encode()).hexdigest()[:32]


def alive_name(database: str) -> str:
    """The name of the lock `alive` of a schema."""
    return lock_name(database) + ":alive"


def ours_name(database: str) -> str:
    """The name of the lock `ours` of a schema."""
    return lock_name(database) + ":ours"


def shadow_lock_name(database: str) -> str:
    """The name of the lock `shadow` of a schema."""
    return lock_name(database) + ":shadow"


def working_name(database: str, connection: int) -> str:
    """The name of a lock that says of the session that holds `stmt` that its start lives, although `alive` is another's
    by now: it lost its watch session, and somebody was waiting.
    """
    return f"{lock_name(database)}:{connection}"


def wait_for_the_living(
    connection: Connection, here: Server, settings: Settings, stop: Stop, log: Log, still: Still = bool
) -> None:
    """Take `alive` in this session. While another start holds it, says every five seconds who that is, since when, and
    what it does. Raises LockTimeout after `lock_seconds`, Interrupted on a signal; and what `still` raises, which is
    asked now and then whether this server is still one to wait at.
    """
    waiting = Waiting(connection, here, settings, stop, log, still)
    with while_waiting(stop):
        while not take(connection, alive_name(here.database), min(1.0, settings.lock_seconds)):
            waiting.go_on()


class Waiting:
    """The wait of a start for another: says now and then for whom, and ends after `lock_seconds` or on a signal."""

    def __init__(
        self, connection: Connection, here: Server, settings: Settings, stop: Stop, log: Log, still: Still = bool
    ) -> None:
        self._connection, self._database, self._still = connection, here.database, still
        self._seconds, self._stop, self._log = settings.lock_seconds, stop, log
        self._began = time.monotonic()
        self._said = float("-inf")

    @property
    def seconds(self) -> float:
        """How long it has lasted."""
        return round(time.monotonic() - self._began, 3)

    def go_on(self) -> None:
        """After an attempt that failed. Raises LockTimeout or Interrupted where there is to be no other."""
        self.stop_if_asked()
        if self.seconds >= self._seconds:
            holder = _holder(self._connection, self._database)
            raise LockTimeout(
                f"Another start{_by(holder)} has held the lock for longer than {self._seconds:g} s. Let it "
                "finish (or raise SCHEMAGATE_LOCK_SECONDS) and start again.",
                **holder,
                waited_seconds=self.seconds,
            )
        if self.due():
            self._log.info("lock.waiting", **_holder(self._connection, self._database), waited_seconds=self.seconds)

    def stop_if_asked(self) -> None:
        """Raises Interrupted where a signal has arrived."""
        if self._stop.requested:
            raise asked_to_stop(self._stop)

    def due(self) -> bool:
        """Is it time to say something again?"""
        due = time.monotonic() - self._said >= SAY_EVERY_SECONDS
        if due:
            self._said = time.monotonic()
            self._still(self._connection)
        return due


@contextmanager
def while_waiting(stop: Stop) -> Iterator[None]:
    """In here the answer to a signal says what is waited for."""
    try:
        yield
    except Interrupted as error:
        raise asked_to_stop(stop) from error


def asked_to_stop(stop: Stop) -> Interrupted:
    """What a start ends with that is stopped before it has done anything."""
    return Interrupted("Asked to stop while waiting for another start; nothing was changed.", stop.signum)


def take(connection: Connection, name: str, seconds: float) -> bool:
    """One attempt to take a lock, of so many whole seconds."""
    return _taken(connection, "SELECT GET_LOCK(%s, %s)", name, max(0, round(seconds)))


def take_to_work(connection: Connection, database: str) -> bool:
    """One attempt to take `stmt`, of a second, and `ours` with it."""
    asked = "SELECT IF(GET_LOCK(%s, 1), GET_LOCK(%s, 0) IS NOT NULL, 0)"
    return _taken(connection, asked, lock_name(database), ours_name(database))


def give_back(connection: Connection, database: str) -> None:
    """Both of them, `stmt` last."""
    connection.execute("SELECT RELEASE_LOCK(%s), RELEASE_LOCK(%s)", ours_name(database), lock_name(database))


def _taken(connection: Connection, asked: str, *values: object) -> bool:
    try:
        return bool(connection.execute(asked, *values).rows[0][0])
    except ServerError as error:
        if error.errno == INTERRUPTED:  # MySQL's answer to KILL QUERY; MariaDB's is NULL
            return False
        raise


def holder_of(connection: Connection, name: str) -> int | None:
    """The connection that holds a lock now. It takes no right to ask."""
    (holder,) = connection.execute("SELECT IS_USED_LOCK(%s)", name).rows[0]
    return None if holder is None else int(holder)


def held(connection: Connection, database: str, watch: int | None = None) -> bool:
    """Are the locks still ours: `stmt` in this session and, if that is asked, `alive` in the session `watch`? A proxy
    that changed our session behind our back would have lost it.
    """
    mine, alive = connection.execute(
        "SELECT IS_USED_LOCK(%s) = CONNECTION_ID(), IS_USED_LOCK(%s)", lock_name(database), alive_name(database)
    ).rows[0]
    return bool(mine) and watch in (None, alive)


def keeps(connection: Connection, database: str) -> bool:
    """Has the session that runs statements all the locks that it began with? Raises what `Watch.holds` raises."""
    return connection.watch.holds(connection) if connection.watch else held(connection, database)


def worker(connection: Connection, database: str) -> dict[str, object] | None:
    """Who runs statements now, as `describe` has it, with `orphan` if its start is dead; None if nobody does. It takes
    no right to ask.
    """
    holder, alive = connection.execute(
        "SELECT IS_USED_LOCK(%s), IS_USED_LOCK(%s)", lock_name(database), alive_name(database)
    ).rows[0]
    if holder is None:
        return None
    return describe(connection, database, int(holder)) | ({} if alive else {"orphan": True})


def _holder(connection: Connection, database: str) -> dict[str, object]:
    return worker(connection, database) or {"holder": "just gone"}


def _by(holder: dict[str, object]) -> str:
    return f" ({holder['holder']}, since {holder['since']})" if holder.get("since") else ""


def describe(connection: Connection, database: str, holder: int) -> dict[str, object]:
    """Whose session this is, for those who wait: host, since when, doing what. As much as there is to see."""
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
            facts["statement"], facts["running_seconds"] = beginning(str(rows[0][1])), int(rows[0][0])
    except ServerError:
        pass  # the process list is more than this account may see
    return facts
