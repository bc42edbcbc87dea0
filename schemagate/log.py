"""What a start says: one JSON object a line, or lines for people.

    log = make_log(settings, sys.stdout).bind(host="web-1", start="9f3c…")
    log.info("lock.waiting", holder="web-2", waited_seconds=4.2)

The events, and what each of them says to people, are in the table of `console.py`. Saying something never fails: not
for a strange value, and not for a stdout that is gone.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Callable, Container, Iterable, Mapping, MutableMapping
from datetime import UTC, datetime
from types import ModuleType
from typing import Any, TextIO

from schemagate.errors import SchemagateError
from schemagate.plain import cut, plain, to_line
from schemagate.sources import Secret, redactor
from schemagate.values import Value

LONGEST_TERMINATION = 4_096  # bytes: the kubelet takes no more
LONGEST_STALL_SECONDS = 5
_PARTS = ("context", "fields")
TYPE_CHECKING = False  # as in values.py
if TYPE_CHECKING:
    from typing import Protocol

    class Choice(Protocol):
        """The settings that a log takes; `Settings` and `Reporting` have them."""

        @property
        def log_format(self) -> str: ...
        @property
        def log_level(self) -> str: ...
        @property
        def no_color(self) -> bool: ...
        @property
        def secrets(self) -> Iterable[Secret]: ...

    _Render = Callable[[dict[str, Any], Container[str]], str]


class _Ways(Value):
    """The ways out of a log, which all logs bound from it share."""

    filtered: Any  # a structlog logger that says what the level lets through
    always: Any  # and one that says everything
    output: Output
    hide: Callable[[str], str]


class Log:
    """Says what happens: each event under its constant name, with fields. `bind` makes another one, that says more."""

    def __init__(self, ways: _Ways, context: Mapping[str, Any]) -> None:
        self._ways = ways
        self._context = context

    def bind(self, /, **context: Any) -> Log:
        """A log that also says these fields in every line; a line's own fields win over them."""
        return Log(self._ways, {**self._context, **context})

    def debug(self, event: str, /, **fields: Any) -> None:
        """For whoever looks closely."""
        self._say(self._ways.filtered, "debug", event, fields)

    def info(self, event: str, /, **fields: Any) -> None:
        """What a start does."""
        self._say(self._ways.filtered, "info", event, fields)

    def warning(self, event: str, /, **fields: Any) -> None:
        """The start goes on, but somebody should know."""
        self._say(self._ways.filtered, "warning", event, fields)

    def error(self, event: str, /, **fields: Any) -> None:
        """The gate stays shut. The error that ends a start is said by `failed`."""
        self._say(self._ways.filtered, "error", event, fields)

    def finished(self, /, **fields: Any) -> None:
        """The last line of a start that opens the gate: said at every level; `exit_code` is 0 if not given."""
        self._say(self._ways.always, "info", "start.finished", {"exit_code": 0, **fields})

    def failed(self, error: BaseException, /, **fields: Any) -> None:
        """The last line of a start that leaves it shut: the error's event, exit code, message and facts."""
        event, last = _told(error)
        self._say(self._ways.always, "error", event, {**fields, **last})

    def termination(self, path: str | None, last_word: object) -> None:
        """`termination()`, with this log's secrets hidden."""
        termination(path, last_word, self._ways.hide)

    def _say(self, logger: Any, level: str, event: str, fields: dict[str, Any]) -> None:
        try:
            # As two mappings: a field may be called `self` or `event` as well as anything else.
            getattr(logger, level)(event, context=self._context, fields=fields)
        except Exception as error:  # noqa: BLE001  saying less is better than to fail while saying what failed
            ours = {"timestamp": _now(), "level": level, "event": str(event)}
            said = {_free(name, ours): plain(value, self._ways.hide) for name, value in fields.items()}
            self._ways.output.write(to_line({**ours, **said, "log_error": type(error).__name__}))


def _told(error: BaseException) -> tuple[str, dict[str, Any]]:
    """The event that an error is, and its fields: no fact overrules its message or its exit code."""
    if not isinstance(error, SchemagateError):
        message = f"This is a bug in schemagate: {plain(error)}"
        return "start.crashed", {"exit_code": 1, "message": message, "exception": _trace(error)}
    told: dict[str, Any] = {"exit_code": error.exit_code, "message": error.message}
    return error.event, told | {_free(name, told): fact for name, fact in error.facts.items()}


def _trace(error: BaseException) -> str:
    import traceback

    with contextlib.suppress(Exception):
        return "".join(traceback.format_exception(error))
    return type(error).__name__


def _free(name: object, taken: Iterable[str]) -> str:
    """The name of a field, changed if it is one that means something else here."""
    text = name if type(name) is str else str(plain(name))
    return f"{text}_" if text in taken else text


# -- making one ---------------------------------------------------------------------------------------------------


def make_log(choice: Choice | str, stream: TextIO | None, *, secrets: Iterable[Secret | str] = ()) -> Log:
    """A log that writes to the stream (which may be None, or break: then it says nothing).

    `choice` is the settings, or just a format: "json", "console", or "auto" for the console on a terminal. Every secret
    of the settings and of `secrets` is shown as `***` wherever it turns up.
    """
    terminal = _is_terminal(stream)
    if isinstance(choice, str):
        format, level, colour = choice, "info", terminal
    else:
        format, level, colour = choice.log_format, choice.log_level, terminal and not choice.no_color
        secrets = (*choice.secrets, *secrets)
    hide = redactor(secret.reveal() if isinstance(secret, Secret) else secret for secret in secrets)
    if format == "json" or (format != "console" and not terminal):
        return Log(_ways(level, Output(stream, "utf-8"), _json, hide), {})  # JSON is UTF-8, whatever the locale
    from schemagate.console import Console

    output = Output(stream, getattr(stream, "encoding", None) or "utf-8")
    console = Console(colour, unicode=output.can_write("→✓✗…"), width=_width(stream) if terminal else 100)
    return Log(_ways(level, output, console, hide), {})


def _ways(level: str, output: Output, render: _Render, hide: Callable[[str], str]) -> _Ways:
    structlog = _import_structlog()

    def line(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
        """Ours first, then the context, then the fields, which win."""
        ours = {"timestamp": _now(), "level": method, "event": event["event"]}
        context, fields = ({_free(name, ours): value for name, value in event[part].items()} for part in _PARTS)
        said = ours | {name: plain(value, hide) for name, value in (context | fields).items()}
        return render(said, context.keys() - fields.keys())

    def logger(least: str) -> Any:
        # Made directly: `structlog.wrap_logger` and structlog's own processors import its console and its tracebacks,
        # which costs more than all that we want of it.
        return structlog.make_filtering_bound_logger(least)(output, [line], {})

    return _Ways(logger(level), logger("debug"), output, hide)


def _now() -> str:
    """As `2026-01-31T12:00:00.000000Z`; `strftime` takes twenty times as long."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _json(said: dict[str, Any], context: Container[str]) -> str:
    return to_line(said)


class _Later(ModuleType):
    """Stands for a module until somebody wants something of it."""

    def __getattr__(self, name: str) -> Any:
        import importlib

        return getattr(importlib.import_module(self.__name__), name)


def _import_structlog() -> ModuleType:
    """`import structlog`, without the asyncio that it imports for loggers that we have no use for.

    asyncio is two thirds of what structlog costs, and a sixth of a whole start with nothing to do. structlog keeps the
    stand-in, which hands out the real thing on demand; nobody else ever sees it.
    """
    stands_in = "asyncio" not in sys.modules and "structlog" not in sys.modules
    if stands_in:
        sys.modules["asyncio"] = _Later("asyncio")
    try:
        import structlog
    finally:
        if stands_in:
            del sys.modules["asyncio"]
    return structlog


# -- where it goes ------------------------------------------------------------------------------------------------


class Output:
    """A stream that may be missing, closed, full, slow or gone: then lines are lost, and nothing else happens.

    Lines go to the file descriptor itself where there is one. Python would keep a line that could not be written in
    its buffer, try again at exit, fail again, and make 120 of the exit code.
    """

    def __init__(self, stream: TextIO | None, encoding: str) -> None:
        self._stream = stream
        self._encoding = encoding
        self._fd: int | None = None
        with contextlib.suppress(Exception):
            self._fd = stream.fileno() if stream else None

    def can_write(self, text: str) -> bool:
        """Whether the stream's encoding has these characters."""
        try:
            text.encode(self._encoding)
        except (UnicodeEncodeError, LookupError):
            return False
        return True

    def write(self, text: str) -> None:
        """Write one or more lines, at once and whole; never fails."""
        # `Exception`, for a stream can be anybody's; what it raises is of no use to anybody now.
        with contextlib.suppress(Exception):
            if text:
                self.put(text)

    def put(self, text: str) -> None:
        """Write lines that somebody asked for. Raises OSError, or whatever the stream does."""
        data = f"{text}\n".encode(self._encoding, "backslashreplace")
        if self._stream is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        if self._fd is None:
            self._stream.write(data.decode(self._encoding))
            self._stream.flush()
            return
        self._stream.flush()  # what others printed comes first
        _write_all(self._fd, data)

    debug = info = warning = error = write


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:  # somebody made our stdout non-blocking, and its reader is slow
            import select

            if not select.select([], [fd], [], LONGEST_STALL_SECONDS)[1]:
                return


def _is_terminal(stream: TextIO | None) -> bool:
    with contextlib.suppress(Exception):
        return stream is not None and stream.isatty()
    return False


def _width(stream: TextIO | None) -> int:
    with contextlib.suppress(Exception):
        return max(60, os.get_terminal_size(stream.fileno() if stream else 1).columns)
    return 100


def termination(path: str | None, last_word: object, hide: Callable[[str], str] = str) -> None:
    """Leave the last word of a start where Kubernetes shows it: what, where, the state of the schema, what to do next.

    An error is explained, anything else is written as its text; at most 4,096 bytes. That it could not be written is
    no reason for anything.
    """
    if not path:
        return
    with contextlib.suppress(Exception):
        if isinstance(last_word, BaseException):
            from schemagate.explain import last_lines

            event, fields = _told(last_word)
            text = "\n".join(last_lines(plain({"event": event, **fields}, hide), LONGEST_TERMINATION))
        else:
            text = cut(plain(str(plain(last_word, hide))), LONGEST_TERMINATION)
        with open(path, "wb") as file:
            file.write(text.encode())
