"""What is logged, whatever it is, and wherever it goes."""

from __future__ import annotations

import enum
import io
import json
import os
import pathlib
import re
import subprocess
import sys
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from schemagate import errors
from schemagate.console import EVENTS, Console, events_table
from schemagate.log import Log, make_log, termination
from schemagate.settings import Reporting, Secret

ALL_ERRORS = errors.SchemagateError.__subclasses__()


class Hostile:
    """Raises whenever somebody looks at it."""

    def __repr__(self) -> str:
        raise RuntimeError("no")

    __str__ = __repr__

    def __getattribute__(self, name: str) -> Any:
        if name in ("__class__", "__dataclass_fields__"):
            raise RuntimeError("no")
        return super().__getattribute__(name)


class Colour(enum.Enum):
    RED = "red"


class HostileText(str):
    """A text that is none when asked for one."""

    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError("no")


@dataclass
class Difference:
    kind: str
    name: str
    part: str
    expected: str | None
    found: str | None


def endless() -> list[Any]:
    loop: list[Any] = [1]
    loop += [loop, {"loop": loop}]
    return loop


def json_log(**more: Any) -> tuple[Log, io.StringIO]:
    stream = io.StringIO()
    return make_log("json", stream, **more), stream


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def last(stream: io.StringIO) -> dict[str, Any]:
    return lines(stream)[-1]


def console_text(event: str, level: str = "info", /, **fields: Any) -> str:
    stream = io.StringIO()
    getattr(make_log("console", stream), level)(event, **fields)
    return stream.getvalue()


# -- JSON ---------------------------------------------------------------------------------------------------------


def test_a_line_is_an_object() -> None:
    """Time, level and event come first, then what was bound, then the fields."""
    log, stream = json_log()
    log.bind(host="web-1").info("plan.made", pending=2)
    line = last(stream)
    assert list(line) == ["timestamp", "level", "event", "host", "pending"]
    assert datetime.strptime(line["timestamp"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    assert len(line["timestamp"]) == len("2026-01-01T00:00:00.000000Z")
    assert (line["level"], line["event"], line["pending"]) == ("info", "plan.made", 2)


def test_text_is_not_escaped() -> None:
    """People read JSON too."""
    log, stream = json_log()
    log.info("x.y", text="größer ✓ 表")
    assert "größer ✓ 表" in stream.getvalue()


def test_one_event_is_one_line() -> None:
    """Also for readers that end lines where Unicode does."""
    log, stream = json_log()
    log.info("x.y", text="a\nb\r\x85c\u2028d\u2029e\x00")
    assert last(stream)["text"] == "a\nb\r\x85c\u2028d\u2029e\x00"
    assert len(stream.getvalue().splitlines()) == 1


def test_fields_win_over_the_context() -> None:
    """What is said now is truer than what was bound before."""
    log, stream = json_log()
    log.bind(host="bound", start="1").bind(start="2").info("x.y", host="said")
    assert (last(stream)["host"], last(stream)["start"]) == ("said", "2")


def test_bind_leaves_the_log_as_it_is() -> None:
    """It makes another one."""
    log, stream = json_log()
    log.bind(host="web-1")
    log.info("x.y")
    assert "host" not in last(stream)


@pytest.mark.parametrize("method", ["debug", "info", "warning", "error"])
def test_field_names_are_free(method: str) -> None:
    """Names that mean something to Python, structlog or us do no harm, and do not pose as ours."""
    names = (
        "event",
        "level",
        "timestamp",
        "self",
        "exc_info",
        "stack_info",
        "logger",
        "method_name",
        "context",
        "fields",
    )
    fields: dict[str, Any] = {**dict.fromkeys(names, 1), "0": 1, "": 1, "a b": 1}
    log, stream = json_log()
    reporting = Reporting("json", "debug", False, None, ())
    log = make_log(reporting, stream).bind(**fields)
    getattr(log, method)("x.y", **fields)
    line = last(stream)
    assert (line["level"], line["event"]) == (method, "x.y")
    assert (line["level_"], line["event_"], line["self"], line["exc_info"], line["a b"]) == (1, 1, 1, 1, 1)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        (True, True),
        (10**80, "<integer of 266 bits>"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (b"caf\xc3\xa9 \xff", "café \\xff"),
        (bytearray(b"a"), "a"),
        (Decimal("1.50"), "1.50"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02 00:00:00+00:00"),
        (pathlib.PurePosixPath("/a"), "/a"),
        (Colour.RED, "red"),
        (ValueError("x"), "ValueError: x"),
        ("a\udcffb", "a\\udcffb"),
        (HostileText("text"), "text"),
        ({1: 2, None: 3, ("a",): 4, b"k": 5}, {"1": 2, "null": 3, '["a"]': 4, "k": 5}),
        ({"b", "a"}, ["a", "b"]),
        ((1, [2, {"a": ()}]), [1, [2, {"a": []}]]),
        (
            Difference("table", "t", "", None, "x"),
            {"kind": "table", "name": "t", "part": "", "expected": None, "found": "x"},
        ),
        (Secret("hunter2"), "***"),
        (deque([1]), "deque([1])"),
        (endless(), [1, "…", {"loop": "…"}]),
    ],
)
def test_any_value_can_be_logged(value: object, shown: object) -> None:
    """Everything becomes something that JSON has."""
    log, stream = json_log()
    log.info("x.y", value=value)
    assert last(stream)["value"] == shown


def test_a_value_that_raises_can_be_logged() -> None:
    """Its type is all that is to be learnt about it."""
    log, stream = json_log()
    log.info("x.y", value=Hostile(), values=[Hostile(), 1])
    assert last(stream)["value"] == "<Hostile that cannot be shown>"
    assert last(stream)["values"] == ["<Hostile that cannot be shown>", 1]


def test_a_deep_value_ends_somewhere() -> None:
    """And does not take the stack with it."""
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    log, stream = json_log()
    log.info("x.y", deep=deep, wide=list(range(100_000)))
    assert "…" in json.dumps(last(stream), ensure_ascii=False)
    while deep:  # let go of it piece by piece: freeing it at once would recurse as well
        deep = deep.pop()


@pytest.mark.parametrize(
    "value",
    [
        "x" * 100_000,
        "\x00é" * 50_000,
        ["name" * 5] * 20_000,
        {f"key{n}": "v" * 50 for n in range(5_000)},
        ["x" * 9000] * 9,
    ],
)
def test_a_long_line_is_cut(value: object) -> None:
    """What collects lines breaks longer ones in two, which are no JSON then; a mark says that something is missing."""
    log, stream = json_log()
    log.info("x.y", value=value, exit_code=30)
    assert len(stream.getvalue().encode()) <= 16_384
    assert last(stream)["exit_code"] == 30
    assert "more" in stream.getvalue()


def test_a_line_of_very_many_fields_keeps_the_first() -> None:
    """Where no cutting helps, the fields that come first are the ones that count."""
    log, stream = json_log()
    log.info("x.y", exit_code=30, **{f"field_{n}_{'x' * 50}": "y" * 50 for n in range(2_000)})
    assert len(stream.getvalue().encode()) <= 16_384
    assert last(stream)["exit_code"] == 30


def test_the_level_lets_through() -> None:
    """Less important events are not said."""
    stream = io.StringIO()
    log = make_log(Reporting("json", "warning", False, None, ()), stream)
    for level in ("debug", "info", "warning", "error"):
        getattr(log, level)(f"of.{level}")
    assert [line["event"] for line in lines(stream)] == ["of.warning", "of.error"]


# -- the last line ------------------------------------------------------------------------------------------------


def test_the_end_is_said_at_every_level() -> None:
    """The last line of every start has the exit code."""
    stream = io.StringIO()
    make_log(Reporting("json", "error", False, None, ()), stream).finished(elapsed_seconds=1.5)
    line = last(stream)
    assert (line["event"], line["level"], line["exit_code"]) == ("start.finished", "info", 0)


HOSTILE_FACTS: dict[str, Any] = {
    "event": "posing",
    "level": "debug",
    "timestamp": "never",
    "exit_code": 0,
    "exc_info": True,
    "stack_info": True,
    "args": (1,),
    "errno": b"\xff",
    "error": endless(),
    "file": Hostile(),
    "line": "a\udcffb",
    "statement": HostileText("SELECT 1\nFROM \x1b[31mt"),
    "ordinal": float("nan"),
    "differences": [Hostile(), None, {"kind": Hostile(), "expected": 1}, Difference("t", "n", "p", "e", None)],
    "problems": [Hostile(), 2],
    "state": {"a": Hostile()},
    "next": ["x", 1],
    "migration": 7,
    "exception": 8,
    "": "nameless",
    "a\nb": "two lines",
    "%s": "%d {0} {x}",
}


@pytest.mark.parametrize("format", ["json", "console"])
@pytest.mark.parametrize("error", ALL_ERRORS)
def test_every_error_can_be_logged(error: type[errors.SchemagateError], format: str) -> None:
    """With any facts; and none of them overrules what the error is and means."""
    raised = error("It did not work.")
    raised.facts = {**HOSTILE_FACTS, "message": "posing", "self": 1, 5: "five"}  # type: ignore[dict-item]
    stream = io.StringIO()
    make_log(format, stream).bind(event="bound", exit_code=0, host=Hostile()).failed(raised)
    if format == "console":
        assert stream.getvalue().startswith("✗")
        assert f"(exit code {error.exit_code}, {error.event})" in stream.getvalue()
        assert "\x1b" not in stream.getvalue()
        assert "log_error" not in stream.getvalue()
        return
    line = last(stream)
    assert (line["event"], line["level"], line["exit_code"]) == (error.event, "error", error.exit_code)
    assert (line["message"], line["message_"], line["exit_code_"], line["5"]) == (
        "It did not work.",
        "posing",
        0,
        "five",
    )
    assert "log_error" not in line


class HostileError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize("error", [ZeroDivisionError("division"), HostileError(), KeyboardInterrupt(), SystemExit(3)])
def test_any_other_error_is_a_bug(error: BaseException) -> None:
    """It has the exit code 1 and its traceback."""
    log, stream = json_log()
    try:
        raise error  # noqa: TRY301
    except BaseException as raised:  # noqa: BLE001
        log.failed(raised)
    line = last(stream)
    assert (line["event"], line["exit_code"]) == ("start.crashed", 1)
    assert "Traceback" in line["exception"]


def test_a_broken_renderer_does_not_stop_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """If our own code fails, the line is said without it."""
    monkeypatch.setattr(Console, "__call__", lambda *_: 1 / 0)
    stream = io.StringIO()
    make_log("console", stream, secrets=("hunter2",)).failed(errors.StatementFailed("Not hunter2.", errno=1062))
    line = last(stream)
    assert (line["event"], line["exit_code"], line["errno"]) == ("statement.failed", 30, 1062)
    assert (line["message"], line["log_error"]) == ("Not ***.", "ZeroDivisionError")


# -- secrets ------------------------------------------------------------------------------------------------------


def test_secrets_are_hidden_at_any_depth() -> None:
    """In texts, bytes, names, lists, exceptions; from the settings and from the caller."""
    stream = io.StringIO()
    log = make_log(Reporting("json", "info", False, None, (Secret("hunter2"),)), stream, secrets=("pass word",))
    log.bind(a="hunter2").info("x.y", b=["pass+word", {"k hunter2": ValueError("hunter2")}], c=b"-hunter2-")
    assert "hunter2" not in stream.getvalue()
    assert last(stream)["b"] == ["***", {"k ***": "ValueError: ***"}]


def test_a_short_secret_does_not_make_nonsense_of_the_rest() -> None:
    """Hiding every `a` would hide everything."""
    log, stream = json_log(secrets=("a", "", "abc"))
    log.info("x.y", text="an abc")
    assert last(stream)["text"] == "an abc"


def test_a_secret_is_hidden_before_a_text_is_cut() -> None:
    """Half a secret is one too."""
    log, stream = json_log(secrets=("hunter2" * 10,))
    log.info("x.y", text="x" * 3_990 + "hunter2" * 10 + "y" * 20_000)
    assert "hunter2" not in stream.getvalue()


# -- where it goes ------------------------------------------------------------------------------------------------

TALKER = """
import sys
sys.path.insert(0, ".")
from schemagate.log import make_log
log = make_log("json", sys.stdout)
for number in range(1500):
    log.info("x.y", number=number)
log.finished()
raise SystemExit(7)
"""


def run(command: str) -> subprocess.CompletedProcess[str]:
    """Run the talker by a shell, with the exit code that it had itself."""
    environment = {**os.environ, "PYTHON": sys.executable, "TALKER": TALKER}
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=environment, check=False)


@pytest.mark.parametrize(
    "command",
    [
        '"$PYTHON" -c "$TALKER" | head -n 1 >/dev/null; exit "${PIPESTATUS[0]}"',
        '"$PYTHON" -c "$TALKER" >&-',
        '"$PYTHON" -c "$TALKER" >/dev/full',
    ],
    ids=["reader gone", "closed", "full"],
)
def test_a_stdout_that_is_gone_changes_nothing(command: str) -> None:
    """No traceback, and the exit code is the start's own."""
    done = run(command)
    assert (done.returncode, done.stderr) == (7, "")


class BrokenStream(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_a_stream_that_breaks_or_is_missing() -> None:
    """The log is silent, not the start broken."""
    closed = io.StringIO()
    closed.close()
    for stream in (BrokenStream(), closed, None):
        for format in ("json", "console", "auto"):
            log = make_log(format, stream)
            log.info("x.y")
            log.failed(errors.LockTimeout("No."))


def test_json_is_utf8_whatever_the_locale() -> None:
    """A container without a locale logs the same."""
    code = (
        'import sys; from schemagate.log import make_log; make_log("json", sys.stdout).info("x.y", text="é\\udcff表")'
    )
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONPATH": "."}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment, check=True)
    assert json.loads(done.stdout.decode())["text"] == "é\\udcff表"


# -- for people ---------------------------------------------------------------------------------------------------


def test_the_steps_line_up() -> None:
    """A step, and what came of it."""
    stream = io.StringIO()
    log = make_log("console", stream).bind(host="not.shown", start="neither")
    log.info(
        "database.ready", flavour="mysql", server_version="9.7.4", host="db", port=3306, waited_seconds=1.2, tls=True
    )
    log.info("schema.verified", tables=["workflows", "agent_executions"], objects=2, proof="text", elapsed_seconds=0.1)
    log.finished()
    assert stream.getvalue().splitlines() == [
        "→ Checking database connection…   ✓ MySQL 9.7.4 at db:3306, ready after 1.2 s",
        "→ Checking required tables…       ✓ workflows  ✓ agent_executions",
        "✓ Database schema verified and ready",
    ]


def test_many_tables_are_wrapped_and_cut() -> None:
    """Two thousand names are of no use to anybody."""
    shown = console_text("schema.verified", tables=[f"table_{n}" for n in range(2_000)])
    assert all(len(line) <= 100 for line in shown.splitlines())
    assert shown.endswith("✓ 1,960 more\n")


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_is_shown_without_its_fields(event: str) -> None:
    """A field that is missing or strange never costs the line."""
    level = EVENTS[event].level
    for fields in (
        {},
        HOSTILE_FACTS,
        dict.fromkeys(("tables", "waited_seconds", "migrations", "host", "flavour"), Hostile()),
    ):
        shown = console_text(event, "info" if level == "debug" else level, **fields)
        assert "log_error" not in shown
        assert "\x1b" not in shown


def test_an_unknown_event_is_shown_with_its_fields() -> None:
    """No table is ever complete."""
    assert console_text("some.thing", number=2, text="a\nb") == "· some.thing  number=2  text=a\\nb\n"
    assert console_text("some.thing", "warning") == "! some.thing\n"


def test_an_error_shows_what_matters() -> None:
    """What, where, the statement, what MySQL said, how it differs, the state, the next step."""
    stream = io.StringIO()
    make_log("console", stream).failed(
        errors.StatementFailed(
            "The server refused a statement.",
            file="0002_b.sql",
            line=12,
            ordinal=3,
            statement="ALTER TABLE t\n  ADD n int",
            errno=1062,
            error="Duplicate entry",
            differences=[Difference("table", "t", "column n", "`n` int", None), Difference("view", "v", "", "a", "b")],
            state="two of three statements are applied",
            next="schemagate up",
            sqlstate="23000",
        ),
        elapsed_seconds=1.5,
    )
    assert stream.getvalue().splitlines() == [
        "✗ The server refused a statement.",
        "  0002_b.sql:12, statement 3",
        "    ALTER TABLE t",
        "      ADD n int",
        "  MySQL error 1062: Duplicate entry",
        "  - table t, column n: missing",
        "      expected  `n` int",
        "  - view v: different",
        "      expected  a",
        "      found     b",
        "  sqlstate: 23000",
        "  State of the schema: two of three statements are applied",
        "  Next: schemagate up",
        "  (exit code 30, statement.failed, after 1.5 s)",
    ]


def test_a_list_of_facts_has_a_line_for_each() -> None:
    """What differs in several places is read place by place."""
    stream = io.StringIO()
    mismatches = [{"kind": "edited", "migration": "0001_a", "detail": None}, {"kind": "missing", "migration": "0002_b"}]
    make_log("console", stream).failed(errors.HistoryMismatch("No.", mismatches=mismatches, allow=["A", "B"]))
    assert stream.getvalue().splitlines()[1:-1] == [
        "  mismatches:",
        "  - edited 0001_a",
        "  - missing 0002_b",
        "  allow: A, B",
    ]


def test_several_problems_are_a_list() -> None:
    """Not one long line."""
    stream = io.StringIO()
    make_log("console", stream).failed(errors.SettingsInvalid("2 settings are wrong: a; b.", problems=["a", "b"]))
    assert stream.getvalue().splitlines()[:3] == ["✗ 2 settings are wrong:", "  - a", "  - b"]


def test_signs_are_ascii_where_they_have_to_be() -> None:
    """A terminal that has no ✓ gets none, and no question marks."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    log = make_log("console", stream)
    log.info("plan.made", applied=1, pending=["é"])
    log.failed(errors.LockTimeout("Größer."))
    stream.seek(0)
    assert stream.read().splitlines()[:2] == [
        "-> Reading the history...            ok 1 migration applied, 1 pending",
        "FAILED: Gr\\xf6\\xdfer.",
    ]


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("no_color", "coloured"), [(False, True), (True, False)])
def test_colours_are_for_terminals(no_color: bool, coloured: bool) -> None:
    """And NO_COLOR takes them away; the format is then that for people by itself."""
    stream = Terminal()
    log = make_log(Reporting("auto", "info", no_color, None, ()), stream)
    log.finished()
    log.warning("snapshot.missing")
    log.failed(errors.LockTimeout("No."))
    assert "✓" in stream.getvalue()
    assert ("\x1b[" in stream.getvalue()) is coloured


def test_no_terminal_means_json() -> None:
    """Machines are the usual readers."""
    stream = io.StringIO()
    make_log("auto", stream).info("x.y")
    assert last(stream)["event"] == "x.y"


def test_the_table_of_events_has_every_error() -> None:
    """The docs list what can be logged."""
    for error in ALL_ERRORS:
        assert EVENTS[error.event].level == "error"
    assert all(f"| `{event}` |" in events_table() for event in EVENTS)


def test_every_event_in_the_code_is_in_the_table() -> None:
    """Under the level that the table says."""
    for path in [*pathlib.Path("schemagate").glob("*.py"), pathlib.Path("entrypoint.py")]:
        for method, event in re.findall(r'log\.(debug|info|warning|error)\(\s*"([^"]+)"', path.read_text()):
            if path.name != "log.py":
                assert EVENTS[event].level == method, f"{event} in {path}"


# -- the last word ------------------------------------------------------------------------------------------------


def test_the_termination_log_has_the_error(tmp_path: pathlib.Path) -> None:
    """Plain text, with secrets hidden."""
    path = tmp_path / "log"
    log, _ = json_log(secrets=("hunter2",))
    log.termination(
        str(path), errors.StatementFailed("It failed for hunter2.", file="a.sql", line=3, next="schemagate up")
    )
    assert (
        path.read_text() == "✗ It failed for ***.\n  a.sql:3\n  Next: schemagate up\n  (exit code 30, statement.failed)"
    )


PROCEDURE = "CREATE PROCEDURE p()\nBEGIN\n" + "  UPDATE t SET a = 'é' WHERE b = 'a text';\n" * 60 + "END"
CHANGED = {"kind": "procedure", "name": "p", "part": None, "expected": PROCEDURE, "found": f"{PROCEDURE};"}


@pytest.mark.parametrize(
    ("word", "begin"),
    [
        (
            errors.SchemaDrift("One.", differences=[CHANGED]),
            "✗ One.\n  - procedure p: different\n      expected  CREATE",
        ),
        (
            errors.SchemaDrift("Six.", differences=[CHANGED] * 6),
            "✗ Six.\n  - procedure p: different\n      expected  CREA",
        ),
        (errors.SchemaDrift("✓" * 5_000, differences=[CHANGED] * 6), "✗ ✓✓✓✓"),
        (errors.SettingsInvalid("Many: x", problems=["p" * 90] * 5_000), "✗ Many:\n  - ppp"),
        (errors.SnapshotStale("Lines.", statement="x\n" * 9, error="y" * 5_000), "✗ Lines.\n    x\n    x"),
    ],
)
def test_the_termination_log_is_short(tmp_path: pathlib.Path, word: errors.SchemagateError, begin: str) -> None:
    """What is longer would be lost as a whole. It has what is wrong, and always what comes last, whole."""
    path = tmp_path / "log"
    word.facts.update(state="not touched", next="schemagate status")
    termination(str(path), word)
    text = path.read_text()
    assert text.startswith(begin)
    assert text.splitlines()[-3:] == [
        "  State of the schema: not touched",
        "  Next: schemagate status",
        f"  (exit code {word.exit_code}, {word.event})",
    ]
    assert 2_000 < len(text.encode()) <= 4_096


def test_the_termination_log_of_a_long_text_is_its_beginning(tmp_path: pathlib.Path) -> None:
    """No character is cut in two."""
    path = tmp_path / "log"
    termination(str(path), "✓" * 5_000)
    assert path.read_text() == "✓" * 1_364 + "…"


@pytest.mark.parametrize("word", [HostileError(), None, ZeroDivisionError("x"), endless()])
def test_the_termination_log_takes_anything(tmp_path: pathlib.Path, word: object) -> None:
    """As the log does."""
    path = tmp_path / "log"
    termination(str(path), word)
    assert path.read_text()


def test_a_termination_log_that_cannot_be_written(tmp_path: pathlib.Path) -> None:
    """It is nobody's business."""
    for path in (None, "", "/nowhere/log", str(tmp_path), "a\0b"):
        termination(path, errors.LockTimeout("No."))


# -- structlog ----------------------------------------------------------------------------------------------------


def test_structlog_is_whole_without_asyncio() -> None:
    """The import leaves asyncio for later, and structlog still finds it when it is wanted."""
    code = """
import sys
from schemagate.log import make_log
make_log("json", None)
assert "asyncio" not in sys.modules
import asyncio, structlog
log = structlog.wrap_logger(structlog.ReturnLogger(), [lambda *a: "said"], structlog.make_filtering_bound_logger(0))
asyncio.run(log.ainfo("x.y"))
"""
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": "."}, check=True)
