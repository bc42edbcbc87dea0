"""One MySQL session: connect, run. The only file that knows PyMySQL, but for the errors of a login (`waiting.py`)."""

from __future__ import annotations

import codecs
import re
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from schemagate.driver import Session, pymysql, unverified
from schemagate.errors import ConnectionLost, SettingsInvalid
from schemagate.reach import addresses, way_in
from schemagate.refusals import SYNTAX, ServerError, is_loss, number_of
from schemagate.values import Value

TYPE_CHECKING = False  # as in values.py
if TYPE_CHECKING:
    import socket
    from typing import TypeVar

    from schemagate.settings import Settings
    from schemagate.stop import Stop
    from schemagate.watch import Watch

    T = TypeVar("T")

NOT_LET_IN = (pymysql.err.Error, OSError)
"""What `connect` raises of a server that does not let us in, or is not there."""

TLS_REQUIRED = frozenset({"required", "verify-ca", "verify-identity"})


class Result(Value):
    """What one statement answered: the names of the columns, the rows, and how many rows it changed."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    affected: int


# So many statements are worth to ask the server to take them in one packet.
MANY = 8
LENIENT = "schemagate_utf8"


def _lenient(name: str) -> codecs.CodecInfo | None:
    """UTF-8 that keeps bytes which are none, as Python does in the names of files: MySQL and MariaDB 10.11 have such in
    the text of SHOW CREATE TABLE.
    """
    if name != LENIENT:
        return None
    return codecs.CodecInfo(
        lambda text, errors="": codecs.utf_8_encode(text, "surrogateescape"),
        lambda data, errors="": codecs.utf_8_decode(data, "surrogateescape", True),
        name=LENIENT,
    )


codecs.register(_lenient)


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """The TLS that the settings ask for; None is "off". `preferred` and `required` encrypt and verify nothing."""
    if settings.tls == "off":
        return None
    context = unverified()
    if settings.tls in ("verify-ca", "verify-identity"):
        context.verify_mode = ssl.CERT_REQUIRED
        context.check_hostname = settings.tls == "verify-identity"
        # The certificates that MySQL makes for itself lack what RFC 5280 demands; Python 3.13+ refuses them otherwise.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if settings.tls_ca:
            context.load_verify_locations(cafile=settings.tls_ca)
        else:
            context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    if settings.tls_cert:
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
    return context


class Connection:
    """A session that is logged in. The one living thing: everything else is a value.

    With `several=True` a packet may hold several statements, which only our own questions do; a session that runs
    migrations is opened without it, so that the server itself refuses a second statement of theirs in a packet.
    """

    def __init__(self, raw: Session, several: bool) -> None:
        self._raw = raw
        self._several = several
        self.watch: Watch | None = None  # it knows what is waited for here, and ends that after SIGTERM
        self.hears: Stop | None = None  # where all is only read, a signal ends at once what is waited for
        self.id: int = raw.thread_id()  # type: ignore[no-untyped-call]
        self.greeting: str = raw.server_version
        self.tls: str | None = raw._sock.version() if isinstance(raw._sock, ssl.SSLSocket) else None

    def execute(self, text: str, *values: Any) -> Result:
        """Run one statement of ours; `values` replace its %s. Raises ServerError, or ConnectionLost."""
        with self._raw.cursor() as cursor:
            self._call(cursor.execute, self._filled(text, values), None)
            return _result(cursor)

    def packet(self, texts: Sequence[str]) -> list[Result | ServerError]:
        """Run our statements in as few round trips as the server lets us: one, if it refuses none of them.

        A statement that is refused has its error in the place of its result, and the others run all the same. A session
        that runs migrations may do so for as long as that takes, where it is worth two round trips more.
        """
        if self._several or len(texts) < MANY or not self._allow_several(True):
            return self._packet(texts)
        try:
            return self._packet(texts)
        finally:
            self._allow_several(False)

    def _allow_several(self, allowed: bool) -> bool:
        """False where this cannot be allowed here: a proxy may not know how."""
        try:
            self._call(self._raw.allow_several, allowed)
        except ServerError:
            if not allowed:
                raise
            return False
        self._several = allowed
        return True

    def _packet(self, texts: Sequence[str]) -> list[Result | ServerError]:
        done: list[Result | ServerError] = []
        while len(done) < len(texts):
            left = texts[len(done) :]
            try:
                if self._several:
                    self._several_at_once(left, done)
                else:
                    done.append(self.execute(left[0]))
            except ServerError as error:
                if self._several and len(left) > 1 and len(left) == len(texts) - len(done) and error.errno == SYNTAX:
                    self._several = False  # a proxy that refuses several statements in a packet gets them one by one
                else:
                    done.append(error)
        return done

    def _several_at_once(self, texts: Sequence[str], done: list[Result | ServerError]) -> None:
        with self._raw.cursor() as cursor:
            self._call(cursor.execute, ";\n".join(texts), None)
            done.append(_result(cursor))
            while self._call(cursor.nextset):
                done.append(_result(cursor))

    def do(self, text: str) -> None:
        """Run one statement of ours that answers with nothing but that it was done. Raises as `execute` does."""
        self._call(self._raw.query, text)

    def run(self, text: str | bytes | bytearray, each: Callable[[Any], object] = bool) -> int:
        """Run one statement of a migration as it is; `each` gets its rows, one by one. Returns the rows it changed."""
        affected, changed = 0, self._call(self._raw.query, text, True)
        while True:
            answer = self._raw._result
            if answer.description is None:
                affected += changed
            while answer.unbuffered_active:
                each(self._call(answer._read_rowdata_packet_unbuffered))
            if not answer.has_next:
                return affected
            changed = self._call(self._raw.next_result, True)

    def meanwhile(self, function: Callable[[], None]) -> None:
        """Do this while the server works on the next statement: what need not be waited for. It must not fail."""
        self._raw.meanwhile.append(function)

    def catch_up(self) -> None:
        """Do now what was put off with `meanwhile`."""
        while self._raw.meanwhile:
            self._raw.meanwhile.popleft()()

    def stream(self, text: str, *values: Any) -> Any:
        """The rows of one query of ours, one at a time: memory does not grow with their number."""
        cursor: Any = self._raw.cursor(pymysql.cursors.SSCursor)
        try:
            self._call(cursor.execute, self._filled(text, values), None)
            while rows := self._call(cursor.fetchmany, 1000):
                yield from rows
        finally:
            with suppress(pymysql.err.Error):  # it reads what is left; where the connection is lost, that is nothing
                cursor.connection = cursor.connection if self._raw.open else None
                cursor.close()

    def _filled(self, text: str, values: Sequence[Any]) -> str:
        """The text with its values; a `%` in a quoted name is the name's own."""
        if not values:
            return text
        left = iter(values)
        return re.sub(
            r"`(?:[^`]|``)*`|%s", lambda found: self.literal(next(left)) if found[0] == "%s" else found[0], text
        )

    def literal(self, value: Any) -> str:
        """A value as SQL text, for the packets that cannot have parameters."""
        return str(self._raw.escape(value))

    def be_patient(self, seconds: float | None = None) -> None:
        """Wait for answers as long as they take, or so many seconds: a statement may take hours. A login is limited in
        time, because a proxy may accept it and then say nothing.
        """
        self._raw._read_timeout = seconds

    def stirs(self) -> bool:
        """Is there something to be read though nobody asked? As a rule the session is at its end."""
        import select

        try:
            return bool(select.select([self._raw._sock], [], [], 0)[0])
        except (OSError, TypeError, ValueError):  # it is closed
            return True

    def cut(self) -> None:
        """End the conversation from another thread: whoever waits for an answer gets ConnectionLost."""
        import socket

        if isinstance(self._raw._sock, socket.socket):
            with suppress(OSError):
                socket.socket.shutdown(self._raw._sock, socket.SHUT_RDWR)  # that of TLS would not leave it readable

    def close(self) -> None:
        """End the session. Never raises: what is not committed is lost, and nothing of ours is left so."""
        with suppress(pymysql.err.Error, OSError):
            self._raw.close()

    def _call(self, function: Callable[..., T], *args: Any) -> T:
        watch = self.watch
        if watch is not None:
            watch.begin(self.id)
        try:
            if self.hears is None:
                return function(*args)
            with self.hears.at_once():
                return function(*args)
        except pymysql.err.Error as error:
            told = _translated(error)
            if watch is not None and isinstance(told, ServerError) and watch.ended(told):
                raise watch.stopped() from error
            raise told from error
        finally:
            if watch is not None:
                watch.end()


def _result(cursor: Any) -> Result:
    columns = tuple(column[0] for column in cursor.description or ())
    return Result(columns, tuple(cursor.fetchall()) if columns else (), max(cursor.rowcount, 0))


def given(answer: Result | ServerError) -> Result:
    """The result, where a packet's answer is one; raises it where it is an error."""
    if isinstance(answer, ServerError):
        raise answer
    return answer


def _translated(error: pymysql.err.Error) -> ServerError | ConnectionLost:
    errno, text = number_of(error)
    if is_loss(errno, text):
        return ConnectionLost(
            "The connection to MySQL was lost. Look at the server, then start again; the journal has what was applied.",
            errno=errno,
            error=text,
        )
    return ServerError(errno, text)


def connect(
    settings: Settings,
    database: str | None,
    *,
    several: bool = False,
    seconds: float | None = None,
    through: socket.socket | None = None,
) -> Connection:
    """One attempt to log in, of at most `seconds`, or `connect_seconds` if that is less; so are the questions after it,
    until `be_patient`. `through` is a socket that is connected already. Raises pymysql errors and OSError as they come:
    `wait_for` is the patient way.
    """
    try:
        context = tls_context(settings)
    except OSError as error:
        raise SettingsInvalid(
            f"SCHEMAGATE_TLS_CA, _CERT or _KEY is no PEM file that can be used: {error}.", problems=[str(error)]
        ) from error
    limit = settings.connect_seconds if seconds is None else max(0.1, min(settings.connect_seconds, seconds))
    raw = Session(
        host=settings.host,
        port=settings.port,
        unix_socket=settings.socket,
        user=settings.user,
        # As bytes: PyMySQL encodes text as Latin-1, which no password of this century needs to fit.
        password=settings.password.reveal().encode(),
        database=database,
        charset="utf8mb4",
        client_flag=pymysql.constants.CLIENT.MULTI_STATEMENTS if several else 0,
        autocommit=None,
        connect_timeout=limit,
        read_timeout=limit,
        # "preferred" is what PyMySQL does when nothing is said: TLS where the server offers it.
        ssl=context if settings.tls in TLS_REQUIRED else None,
        ssl_disabled=context is None or settings.socket is not None,
        program_name="schemagate",
        defer_connect=True,
        local_infile=False,
    )
    if settings.tls == "preferred" and context is not None and not settings.socket:
        raw.ctx = context
    raw.encoding = LENIENT
    if through is None and settings.socket is None:
        end = time.monotonic() + limit
        through = way_in(addresses(settings.host, settings.port, limit), end - time.monotonic())
    raw.connect(through)
    _keep_alive(raw)
    return Connection(raw, several)


def _keep_alive(raw: Session) -> None:
    """Notice within two minutes that the other side is gone, also when no packet says so."""
    import socket

    sock = raw._sock
    if sock is None or raw.unix_socket or not hasattr(socket, "TCP_KEEPIDLE"):
        return
    for option, value in ((socket.TCP_KEEPIDLE, 30), (socket.TCP_KEEPINTVL, 15), (socket.TCP_KEEPCNT, 6)):
        sock.setsockopt(socket.IPPROTO_TCP, option, value)
