"""The watch session: it shows that this start lives, and ends after SIGTERM what is waited for too long."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING

from schemagate.errors import ConnectionLost, DatabaseUnavailable, Interrupted, SchemagateError
from schemagate.lock import alive_name, asked_to_stop, give_back, held, take, wait_for_the_living, working_name
from schemagate.orphans import outlast
from schemagate.refusals import INTERRUPTED, ServerError
from schemagate.selftest import identify, prove
from schemagate.server import working_session
from schemagate.sessions import open_session
from schemagate.waiting import ANSWER_SECONDS

if TYPE_CHECKING:
    from types import TracebackType

    from schemagate.database import Connection
    from schemagate.lock import Still
    from schemagate.log import Log
    from schemagate.server import Server
    from schemagate.settings import Settings
    from schemagate.stop import Stop

LOOK_SECONDS = 0.25
BEAT_SECONDS = 10.0
STIR_SECONDS = 1.0  # after a beat: the end of the watch session is noticed, and it is replaced
# The server ends a watch session that has been silent for so long: then the other side is gone, or frozen.
SILENCE_SECONDS = 60
WORD_SECONDS = 5.0  # and that to KILL QUERY, or to whoever wants to replace it: there is little time left then
AGAIN_SECONDS = 1.0  # for `alive`, where the server has not yet given up the one that was lost
SESSIONS = 3  # the watch, the one that runs statements, that of the shadow


class Watch:
    """The watch session of a start that holds `alive`, and the thread that keeps it.

    The main thread sits in a read as long as a statement runs, so somebody else has to look at the clock: after SIGTERM
    whatever is waited for in a session that has this watch gets so many seconds more, and is ended with KILL QUERY.
    That raises Interrupted, but for what is done `with` the watch, which has to look what became of it. What comes
    after the first one that was ended is for a good end, and left alone, but for what is done `with` the watch.
    """

    def __init__(
        self, connection: Connection, here: Server, settings: Settings, stop: Stop, still: Still = bool
    ) -> None:
        self._connection, self._here, self._settings, self._stop = connection, here, settings, stop
        self._still = still
        self._sessions: list[Connection] = []
        self._lock = threading.Lock()  # of whom an answer is waited for, and is ended
        self._talk = threading.Lock()  # of the watch session; taken after the other one
        self._done = threading.Event()
        self._waiting = 0  # the connection in which an answer is waited for
        self._with = False
        self._hit = 0.0  # since when what is waited for now has been told to end
        self._asked: float | None = None  # since when we are asked to stop
        self._beaten = time.monotonic()
        self.broken_off = False
        """Was anything ended by us?"""
        self._thread = threading.Thread(target=self._watch, name="watch", daemon=True)
        self._thread.start()

    @property
    def connection_id(self) -> int:
        """The watch session."""
        return self._connection.id

    @property
    def signum(self) -> int:
        """The signal that asked us to stop."""
        return self._stop.signum

    def guard(self, session: Connection) -> None:
        """Watch over this session, too; and end it where the server is none to work on any more: it would wait there
        for ever.
        """
        session.watch, session.hears = self, None
        self._sessions.append(session)

    def __enter__(self) -> None:
        self._with = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._with = False

    def begin(self, session: int) -> None:
        """An answer is waited for in this session from here on."""
        self._hit, self._waiting = 0.0, session

    def end(self) -> None:
        """It is there."""
        with self._lock:  # a KILL QUERY that is on its way hits nothing that comes later
            self._waiting = 0

    def ended(self, error: ServerError) -> bool:
        """Was what is waited for ended by us, so that nobody has to look what became of it?"""
        return bool(self._hit) and not self._with and error.errno == INTERRUPTED

    def stopped(self) -> Interrupted:
        """What a start ends with then."""
        return Interrupted(
            "Asked to stop, and what was waited for ran on for too long and was broken off (SCHEMAGATE_STOP_SECONDS). "
            "The journal has what was applied; the next start goes on from there.",
            self.signum,
        )

    def holds(self, session: Connection) -> bool:
        """Are both locks ours? A watch session that was lost is replaced. Raises ConnectionLost where `alive` went to
        another start meanwhile: it takes us for dead.
        """
        database = self._here.database
        if held(session, database, self._connection.id):
            return True
        if not held(session, database):
            return False
        with self._talk:
            self._beat()
        if held(session, database, self._connection.id):
            return True
        raise ConnectionLost("The watch session was lost, and another start has taken its lock. Start again.")

    def close(self) -> None:
        """End the thread and the session, and with it `alive`."""
        self._done.set()
        self._thread.join(1.0)
        if self._thread.is_alive():  # it waits for a server that says nothing
            self._connection.cut()
            self._thread.join(WORD_SECONDS)
        self._connection.close()

    def _watch(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})  # they are for the main thread
        while not self._done.wait(LOOK_SECONDS):
            now = time.monotonic()
            if self._stop.requested and self._asked is None:
                self._asked = now
            overdue = self._asked is not None and now - self._asked >= self._settings.stop_seconds
            since = now - self._beaten
            due = since >= BEAT_SECONDS or (since >= STIR_SECONDS and self._connection.stirs())
            if not overdue and not due:
                continue
            with self._lock:
                if overdue and self._is_to_end():
                    with self._talk:
                        goes_on = self._break_off()
                    if not goes_on:
                        return
            with self._talk:  # while nobody has to wait for that
                if due:
                    self._beat()

    def _is_to_end(self) -> bool:
        return bool(self._waiting) and (bool(self._hit) or self._with or not self.broken_off)

    def _break_off(self) -> bool:
        """Where the watch session is gone, the next one does it, at once. False where the server says nothing to that:
        then nobody waits any longer for what it says of the statement. Nor where it says that it works on none.
        """
        began = time.monotonic()
        self._hit = self._hit or began
        try:
            self._connection.be_patient(WORD_SECONDS)
            self._connection.execute(f"KILL QUERY {self._waiting}")
            self.broken_off = True
            if began - self._hit > WORD_SECONDS and self._is_idle():
                for session in self._sessions:
                    if session.id == self._waiting:
                        session.cut()
        except ServerError:
            pass
        except ConnectionLost:
            if time.monotonic() - began >= WORD_SECONDS:
                self._cut()
                return False
            self._beaten = float("-inf")
        return True

    def _is_idle(self) -> bool:
        """Does the server wait for us, in the session in which we wait for it? Then nothing comes through any more."""
        # MariaDB says Killed of an idle session, too, that got KILL QUERY.
        asked = "SELECT COMMAND, INFO FROM information_schema.PROCESSLIST WHERE ID = %s"
        return self._connection.execute(asked, self._waiting).rows in ((("Sleep", None),), (("Killed", None),))

    def _beat(self) -> None:
        """Show that we live; where the session is gone, with another one."""
        self._beaten = time.monotonic()
        with suppress(ServerError):
            try:
                self._connection.execute("DO 0")
                self._still(self._connection)
            except ConnectionLost:
                try:
                    self._replace()
                except SchemagateError:
                    if self._asked is not None:  # there is no time left to wait for what may never come
                        self._cut()
            except DatabaseUnavailable:  # what is committed here waits for ever
                self._cut()

    def _cut(self) -> None:
        for session in self._sessions:
            session.cut()

    def _replace(self) -> None:
        self._connection.close()
        opening = [_opening(self._here.flavour)]
        connection = open_session(self._settings, self._settings.database, opening, seconds=WORD_SECONDS)
        if not identify(connection, self._here.flavour).startswith(self._here.uuid):
            connection.close()  # sessions have other numbers there: who would be ended is somebody else
            raise ConnectionLost(
                "The watch session was lost, and the address leads to another server now. Start again."
            )
        self._connection = connection
        alive = alive_name(self._here.database)
        if not take(connection, alive, 0.0):
            for session in self._sessions[:1]:
                take(connection, working_name(self._here.database, session.id), 0.0)
            take(connection, alive, AGAIN_SECONDS)
        connection.be_patient(ANSWER_SECONDS)


@contextmanager
def alone(
    connection: Connection, here: Server, settings: Settings, stop: Stop, log: Log, still: Still = bool
) -> Iterator[Connection]:
    """The session that runs statements, while no other start of this schema does and nothing that one left behind.

    `connection` becomes the watch session. Where the account may not have enough sessions at a time it is closed, and
    both locks are in the one that runs statements: then nobody can tell our orphan from us, and waits for it as long as
    for a living start. Raises LockTimeout, Interrupted, and what `open_session` raises.
    """
    began = time.monotonic()
    opening = working_session(here.flavour, settings.lock_wait_seconds)
    watch: Watch | None = None
    try:
        if _has_room(connection, here.flavour):
            connection.be_patient(ANSWER_SECONDS)
            wait_for_the_living(connection, here, settings, stop, log, still)
            server = identify(connection, here.flavour)
            connection.hears = None  # from here on another thread waits there
            watch = Watch(connection, here, settings, stop, still)
        else:
            connection.close()
        with closing(open_session(settings, settings.database, opening, stop)) as session:
            if watch is None:
                wait_for_the_living(session, here, settings, stop, log, still)
            else:  # before anything is taken for an orphan
                prove(session, connection, server, alive_name(here.database), here.flavour)
            outlast(session, here, settings, stop, log, still)
            session.hears = None
            if watch:
                watch.guard(session)
            log.info("lock.taken", waited_seconds=round(time.monotonic() - began, 3))
            try:
                if stop.requested:
                    raise asked_to_stop(stop)
                yield session
            finally:
                with suppress(ServerError, ConnectionLost):  # it ends with the session, which may be gone
                    give_back(session, here.database)
    finally:
        if watch:
            watch.close()


def _opening(flavour: str) -> str:
    """What makes a session one to watch in: it waits for a lock, and asks our tables who is at work."""
    no_limit = "max_statement_time = 0" if flavour == "mariadb" else "max_execution_time = 0"
    return f"SET SESSION wait_timeout = {SILENCE_SECONDS}, lock_wait_timeout = 2, {no_limit}"


def _has_room(connection: Connection, flavour: str) -> bool:
    """May the account have as many sessions at a time as a start uses? https://dev.mysql.com/doc/refman/9.4/en/
    server-system-variables.html#sysvar_max_user_connections: the session's value is that of the account.
    """
    _, answer = connection.packet([_opening(flavour), "SELECT @@max_user_connections"])
    limit = 0 if isinstance(answer, ServerError) else int(answer.rows[0][0])
    return limit == 0 or limit >= SESSIONS
