"""Wait until MySQL lets us in. The only file that knows tenacity."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from contextlib import suppress

from schemagate.database import Connection, connect
from schemagate.driver import pymysql
from schemagate.errors import AccessDenied, ConnectionLost, DatabaseUnavailable, Interrupted
from schemagate.reach import addresses, way_in
from schemagate.refusals import (
    DENIED_LOGIN,
    LOST,
    NO_SUCH_DATABASE,
    NOT_YET,
    READ_ONLY,
    NotReady,
    ServerError,
    denied_message,
    login_failed,
    number_of,
    uncreated_message,
)

TYPE_CHECKING = False  # as in values.py
if TYPE_CHECKING:
    import socket
    from typing import TypeVar

    from schemagate.log import Log
    from schemagate.settings import Settings
    from schemagate.stop import Stop

    T = TypeVar("T")


# How often a port that refuses is tried, between two attempts to log in: to be refused costs neither side anything.
KNOCK_SECONDS = 0.02
# How long an answer may take in a session that only reads, beside a wait for a lock: longer says nobody is there.
ANSWER_SECONDS = 30.0


def wait_for(
    settings: Settings,
    stop: Stop,
    log: Log,
    greet: Callable[[Connection], T],
    before_waiting: Callable[[], object] = bool,
) -> tuple[Connection, T]:
    """Wait until MySQL lets us in and `greet` is content with it; returns the session and what `greet` returned.

    Waits for a server that is down, starting, full or (`greet` raises NotReady) read-only, for `wait_seconds` in all:
    then DatabaseUnavailable. Where nobody listens yet, the wait ends as soon as somebody does. An account or database
    that is refused gets `grace_seconds`, since an operator may still be making it: then AccessDenied. Says once per
    reason what it is waiting for. `before_waiting` is called where the first attempt fails, before anything else: what
    it raises is not worth waiting for.
    """
    waiting = _Waiting(settings, stop, log)
    try:  # the first attempt needs no tenacity, and most starts need no second
        return waiting.attempt(greet)
    except Exception as error:
        before_waiting()
        if stop.requested or not waiting.may_come(error) or waiting.left <= 0:
            raise waiting.verdict(error) from error
        waiting.say(error)

    import tenacity

    pause = tenacity.wait_random_exponential(multiplier=0.02, min=0.02, max=0.5)  # a hundred starts keep no step
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(waiting.may_come),
        wait=lambda state: min(pause(state), max(waiting.left, 0.0)),  # and then once more
        stop=lambda state: stop.requested or waiting.left <= 0,
        sleep=waiting.sleep,
        before_sleep=lambda state: waiting.say(state.outcome.exception() if state.outcome else None),
        reraise=True,
    )
    waiting.sleep(0.02)
    try:
        return retrying(waiting.attempt, greet)
    except Exception as error:
        raise waiting.verdict(error) from error
    finally:
        waiting.close()


class _Waiting:
    """What a wait remembers: since when, since when refused, and the reason last said."""

    def __init__(self, settings: Settings, stop: Stop, log: Log) -> None:
        import time

        self._settings, self._stop, self._log, self._clock = settings, stop, log, time.monotonic
        self._since = self._clock()
        self._refused_since: float | None = None
        self._said = ""
        self._refusal: ServerError | None = None  # what kept us from making the database
        self._unheard = False  # nobody listened at the last attempt
        self._open: socket.socket | None = None  # a way in that was found since

    @property
    def left(self) -> float:
        """How many of the seconds to wait are left."""
        return self._since + self._settings.wait_seconds - self._clock()

    def attempt(self, greet: Callable[[Connection], T]) -> tuple[Connection, T]:
        """Log in and ask, within the time that is left of the wait; ends at once if we are asked to stop."""
        with self._stop.at_once():
            connection = self._logged_in()
            try:
                greeting = greet(connection)
                connection.be_patient(self._settings.lock_wait_seconds + ANSWER_SECONDS)
            except BaseException:
                connection.close()
                raise
            return connection, greeting

    def _logged_in(self) -> Connection:
        """Raises NotReady where the database is missing, and the server cannot make one yet."""
        try:
            return self._connected(self._settings.database)
        except pymysql.err.Error as error:
            if number_of(error)[0] != NO_SUCH_DATABASE or not self._settings.create_database or self._refusal:
                raise
            if not self._create_database():
                raise
        return self._connected(self._settings.database)

    def _connected(self, database: str | None) -> Connection:
        seconds = max(self.left, 1.0)
        through, self._open = self._open, None
        return connect(self._settings, database, several=True, seconds=seconds, through=through)

    def _create_database(self) -> bool:
        from schemagate.lexer import quote

        connection = self._connected(None)
        name = self._settings.database
        try:
            connection.execute(f"CREATE DATABASE IF NOT EXISTS {quote(name)} CHARACTER SET utf8mb4")
        except ServerError as error:
            if error.errno in READ_ONLY:
                raise NotReady("the server is read-only") from error
            if error.errno in NOT_YET:
                raise NotReady(error.text) from error
            self._refusal = error
            return False
        finally:
            connection.close()
        self._log.info("database.created", database=name)
        return True

    def sleep(self, seconds: float) -> None:
        """Sleep, but no longer than until a signal arrives, or until somebody listens where nobody did.

        Raises Interrupted where the signal arrives while it listens for that.
        """
        if not self._unheard:
            self._stop.sleep(seconds)
            return
        end = self._clock() + seconds
        with self._stop.at_once():
            found = []
            with suppress(OSError):  # asked for once per sleep: a name service is not to be knocked at
                found = addresses(self._settings.host, self._settings.port, seconds)
        while self._open is None and (left := end - self._clock()) > 0:
            self._stop.sleep(min(left, KNOCK_SECONDS))
            # What is found is used, not dropped: a server counts those who come and say nothing.
            with self._stop.at_once(), suppress(OSError):
                self._open = way_in(found, 0.2)

    def close(self) -> None:
        """Give up a way in that was found and not taken."""
        if self._open is not None:
            self._open.close()

    def may_come(self, error: BaseException) -> bool:
        """Is it worth another attempt?"""
        refused = isinstance(getattr(error, "original_exception", error), ConnectionRefusedError)
        self._unheard = refused and self._settings.socket is None
        if isinstance(error, NotReady | ConnectionLost):
            return True
        errno, _ = number_of(error)
        if errno in DENIED_LOGIN or errno == NO_SUCH_DATABASE or _distrusted(error):
            if self._refused_since is None:
                self._refused_since = self._clock()
            return self._clock() - self._refused_since < self._settings.grace_seconds
        self._refused_since = None
        return errno in NOT_YET or isinstance(error, OSError)

    def say(self, error: BaseException | None) -> None:
        reason = _reason(error)
        if reason != self._said:
            self._said = reason
            self._log.info(
                "database.waiting",
                reason=reason,
                host=self._settings.socket or self._settings.host,
                port=self._settings.port,
                waited_seconds=round(self._clock() - self._since, 3),
            )

    def verdict(self, error: Exception) -> Exception:
        """The error that the start ends with."""
        if self._stop.requested:
            return Interrupted("Asked to stop while waiting for MySQL; nothing was changed.", self._stop.signum)
        settings, (errno, text) = self._settings, number_of(error)
        if errno in DENIED_LOGIN or errno == NO_SUCH_DATABASE or _distrusted(error):
            if errno == NO_SUCH_DATABASE and self._refusal:
                errno, text = self._refusal.errno, self._refusal.text
                return AccessDenied(uncreated_message(settings, self._refusal), errno=errno, error=text)
            return AccessDenied(denied_message(settings, errno, text), errno=errno, error=text)
        if self.may_come(error):
            where = settings.socket or f"{settings.host}:{settings.port}"
            # A server that refuses a certificate ends the connection; its reason seldom gets through.
            ours = " and at SCHEMAGATE_TLS_CERT, which it may refuse," if settings.tls_cert and errno in LOST else ","
            return DatabaseUnavailable(
                f"No usable MySQL at {where} within {settings.wait_seconds:g} s: {_reason(error)}. "
                f"Look at the server{ours} then start again.",
                reason=_reason(error),
                waited_seconds=round(self._clock() - self._since, 3),
            )
        if isinstance(error, pymysql.err.Error):
            return AccessDenied(login_failed(settings, errno, text), errno=errno, error=text)
        return error


def _distrusted(error: BaseException) -> bool:
    """A certificate that does not verify: waiting seldom helps, and the answer is another setting."""
    return isinstance(getattr(error, "original_exception", error), ssl.SSLCertVerificationError)


def _reason(error: BaseException | None) -> str:
    if isinstance(error, NotReady):
        return error.reason
    original = getattr(error, "original_exception", error)
    errno, text = number_of(error) if error else (-1, "")
    if isinstance(error, ConnectionLost):
        errno, text = error.facts.get("errno", 0), error.facts.get("error", "")
    if isinstance(original, ConnectionRefusedError):
        return "connection refused"
    if isinstance(original, TimeoutError) or (errno in LOST and "timed out" in text):
        return "no answer"
    if isinstance(original, ConnectionError):
        return "the connection was cut"
    if type(original).__name__ == "gaierror":
        return "the host name does not resolve"
    if errno in LOST - {1053}:
        return "the connection was cut"
    return {
        1040: "too many connections",
        1053: "the server is shutting down",
        2003: "the server cannot be reached",
        1203: "too many connections of this account",
        1226: "too many connections of this account",
        3032: "the server is offline",
        NO_SUCH_DATABASE: "the database does not exist",
    }.get(errno, "access denied" if errno in DENIED_LOGIN else text)
