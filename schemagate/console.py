"""What the events say to people.

`EVENTS` is the one table of all events: their level, what they mean (for the docs) and their line on the console.

The facts of an error that the console knows how to show: `file`, `line`, `migration`, `ordinal` (where), `statement`
(its text), `errno` and `error` (what MySQL said), `differences` (each with `kind`, `name`, `part`, `expected`,
`found`), `problems`, `state` (of the schema now), `next` (the command to run). Any other fact is shown under its name.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from typing import Any, NamedTuple

from schemagate import errors
from schemagate.plain import cut

STEP_WIDTH = 34
MOST_NAMES = 40
EXCERPT_LINES = 8
MOST_DIFFERENCES = 20
LONGEST_TEXT = 2_000
_FLAVOURS = {"mysql": "MySQL", "mariadb": "MariaDB"}


class Event(NamedTuple):
    """One event: its level, what it means, and its line for people.

    In the line, `{field}` is a field, `{field:s}` one in seconds, `{field:row}` a number of rows; what stands in square
    brackets is left out where a field in it has nothing to say. A tab parts a step from its outcome. An event without a
    line is for machines only.
    """

    level: str
    means: str
    line: str = ""


EVENTS: dict[str, Event] = {
    "start.began": Event("info", "A start begins.", "schemagate {version}: {command}[, {migrations:migration}]"),
    "database.waiting": Event(
        "info", "No usable server yet; said now and then.", "  … waiting for {where}: {reason}[ ({waited_seconds:s})]"
    ),
    "database.created": Event(
        "info", "The schema did not exist and was created.", "→ Creating the schema…\t✓ {database}"
    ),
    "database.ready": Event(
        "info",
        "The server answers and may be written to.",
        "→ Checking database connection…\t✓ {flavour} {server_version} at {where}, ready after {waited_seconds:s}",
    ),
    "lock.waiting": Event(
        "info",
        "Another start is at work; said now and then.",
        "  … waiting for another start: {holder}[ since {since}][, {doing}][ ({waited_seconds:s})]",
    ),
    "lock.taken": Event("info", "This start is the only one at work from here on."),
    "plan.made": Event(
        "info",
        "What is left to run.",
        "→ Reading the history…\t✓ {applied:migration} applied, {pending:number} pending",
    ),
    "rehearsal.passed": Event(
        "info",
        "The pending statements work in the shadow.",
        "→ Rehearsing…\t✓ {statements:statement}[ in {elapsed_seconds:s}][, {not_rehearsed:number} not rehearsed]",
    ),
    "rehearsal.skipped": Event("warning", "There is no shadow to rehearse in.", "! Not rehearsed: {reason}"),
    "statement.not_rehearsed": Event(
        "info",
        "One statement is not tried in the shadow.",
        "  ! {migration}[, line {line}] is not rehearsed: {reason}",
    ),
    "migration.began": Event(
        "info",
        "The first pending statement of a migration comes next.",
        "→ Applying {migration}… [({statements:statement})]",
    ),
    "statement.applied": Event(
        "debug",
        "One statement was applied.",
        "    ✓ line {line}: {kind}[, {rows:row}][, {elapsed_seconds:s}]",
    ),
    "statement.committed_by_itself": Event(
        "debug", "A change of rows had committed before its entry was written; the entry was written right after."
    ),
    "session.not_put_back": Event("debug", "A session variable that a migration set could not be set back."),
    "migration.applied": Event(
        "info",
        "The last pending statement of a migration was applied.",
        "  ✓ {migration}[: {statements:statement}][, {rows:row}][ in {elapsed_seconds:s}]",
    ),
    "schema.verified": Event(
        "info",
        "The schema is the one expected; `proof` says how that is known.",
        "→ Checking required tables…\t{tables:names}",
    ),
    "schema.not_compared": Event(
        "warning", "A kind of object that this account cannot see was not compared.", "! Not compared: {kind}: {reason}"
    ),
    "snapshot.missing": Event(
        "warning",
        "There is no `schema.sql`, so the schema expected is not reviewed.",
        "! There is no schema.sql beside the migrations",
    ),
    "snapshot.outdated_header": Event(
        "warning",
        "The header of `schema.sql` is of other migrations, but what it describes is right.",
        "! The header of schema.sql is out of date; `schemagate snapshot` writes it anew",
    ),
    "snapshot.written": Event("info", "The snapshot was written.", "✓ {file} written"),
    "start.unchanged": Event(
        "info",
        "Nothing is pending and the schema is as it was when it was last proven.",
        "→ Checking migrations…\t✓ {migrations:migration} applied, nothing pending[, {tables:table}]",
    ),
    "start.finished": Event("info", "The gate opens. `exit_code` is 0.", "✓ {message}[ ({elapsed_seconds:s})]"),
    "start.crashed": Event("error", "A bug in schemagate; `exception` has the traceback."),
    **{
        error.event: Event("error", (error.__doc__ or "").partition("\n")[0])
        for error in errors.SchemagateError.__subclasses__()
    },
}


def events_table() -> str:
    """The table of events for the docs, in Markdown."""
    rows = [f"| `{name}` | {event.level} | {event.means} |" for name, event in EVENTS.items()]
    return "\n".join(["| event | level | meaning |", "|---|---|---|", *rows]) + "\n"


class Console:
    """Turns an event into the lines that people read; colours, and signs beyond ASCII, only where they can be shown."""

    def __init__(self, colour: bool = False, unicode: bool = True, width: int = 100) -> None:
        self._colour = colour
        self._unicode = unicode
        self._width = width

    def __call__(self, said: Mapping[str, Any], context: Container[str] = ()) -> str:
        """The lines of one event, whose values are plain; empty if it says nothing to people.

        Fields that are of the whole start (`context`) are shown only where a line asks for them.
        """
        name, level = str(said["event"]), str(said["level"])
        event = EVENTS.get(name)
        if level == "error":
            lines = explain(said, context)
        elif event is None:
            fields = {field: value for field, value in said.items() if field not in _OURS and field not in context}
            rest = "  ".join(f"{field}={_one_line(value)}" for field, value in fields.items())
            lines = [f"{_SIGNS.get(level, '·')} {name}  {rest}".rstrip()]
        else:
            lines = self._step(_filled(event.line, said)) if event.line else []
        return "\n".join(map(self._dressed, lines))

    def _step(self, line: str) -> list[str]:
        step, tab, outcome = line.partition("\t")
        if not tab:
            return [line]
        lines = [step.ljust(STEP_WIDTH - 1)]
        for item in re.split(r"  (?=✓)", outcome):
            if len(lines[-1]) > STEP_WIDTH and len(lines[-1]) + 2 + len(item) > self._width:
                lines.append(" " * (STEP_WIDTH - 1))
            lines[-1] += (" " if len(lines[-1]) < STEP_WIDTH else "  ") + item
        return lines

    def _dressed(self, line: str) -> str:
        if not self._unicode:
            for sign, ascii_sign in _ASCII.items():
                line = line.replace(sign, ascii_sign)
            return line
        if self._colour:
            sign = line.lstrip()[:1]
            if sign in _COLOURS:
                line = line.replace(sign, f"{_COLOURS[sign]}{sign}\x1b[0m", 1)
            if sign == "→":
                line = line.replace("✓", f"{_COLOURS['✓']}✓\x1b[0m")
        return line


def explain(said: Mapping[str, Any], context: Container[str] = (), most: int = MOST_DIFFERENCES) -> list[str]:
    """An error for people, with the facts that matter on a line each; its values are plain."""
    facts = {
        name: fact for name, fact in said.items() if name not in _OURS and name not in context and fact is not None
    }
    message, code = str(facts.pop("message", said.get("event", ""))), facts.pop("exit_code", None)
    problems = facts.pop("problems", None)
    many = isinstance(problems, list) and len(problems) > 1
    lines = [f"✗ {_one_line(message.partition(': ')[0] + ':' if many else message)}"]
    lines += [f"  - {_one_line(problem)}" for problem in problems or ()] if many else []
    lines += _where(facts)
    lines += _server_said(facts)
    lines += _differences(facts.pop("differences", None), most)
    state, following = facts.pop("state", None), facts.pop("next", None)
    trace = str(facts.pop("exception", "")).splitlines()
    elapsed = facts.pop("elapsed_seconds", None)
    for name, fact in facts.items():
        lines += _fact(name, fact)
    lines += [f"  State of the schema: {_one_line(state)}"] if state else []
    lines += [f"  Next: {_one_line(following)}"] if following else []
    lines += [f"  {_one_line(line)}" for line in trace]
    after = f", after {_seconds(elapsed)}" if elapsed is not None else ""
    lines += [f"  (exit code {code}, {_one_line(said.get('event', ''))}{after})"] if code is not None else []
    return lines


def last_lines(said: Mapping[str, Any], room: int) -> list[str]:
    """`explain`, in at most so many bytes. What is wrong comes first, and last the state, the next step and the exit
    code: where it gets too long, long lines are cut, and then lines are left out in the middle.
    """
    lines = explain(said, most=5)
    for longest in (1_200, 400):
        if _bytes(lines) <= room:
            return lines
        lines = [cut(line, longest if at else 2_000) for at, line in enumerate(lines)]
    first, between, ends = lines[0], lines[1:-3], lines[1:][-3:]
    room -= _bytes([first, *ends])
    if _bytes(between) <= room:
        return [first, *between, *ends]
    kept = 0
    room -= len("  … 12,345 more lines\n".encode())
    while (room := room - _bytes(between[kept : kept + 1])) >= 0:
        kept += 1
    return [first, *between[:kept], f"  … {len(between) - kept:,} more lines", *ends]


def _bytes(lines: list[str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines)


def _fact(name: str, fact: Any) -> Iterator[str]:
    if not isinstance(fact, list) or not any(isinstance(one, dict) for one in fact):
        yield f"  {_one_line(name)}: {_one_line(fact)}"
        return
    yield f"  {_one_line(name)}:"
    for one in fact[:MOST_DIFFERENCES]:
        values = one.values() if isinstance(one, dict) else [one]
        yield f"  - {_one_line(' '.join(str(value) for value in values if value is not None))}"
    if len(fact) > MOST_DIFFERENCES:
        yield f"  … and {len(fact) - MOST_DIFFERENCES:,} more"


def _where(facts: dict[str, Any]) -> Iterator[str]:
    migration, ordinal = facts.pop("migration", None), facts.pop("ordinal", None)
    file, line = facts.pop("file", None), facts.pop("line", None)
    place = file or (f"{migration}.sql" if migration else None)
    if place:
        number = f", statement {ordinal}" if ordinal else ""
        yield f"  {_one_line(place)}{f':{line}' if line else ''}{number}"
    statement = str(facts.pop("statement", "") or "").strip().splitlines()
    for text in statement[:EXCERPT_LINES]:
        yield f"    {_one_line(text)}"
    if len(statement) > EXCERPT_LINES:
        yield f"    … {len(statement) - EXCERPT_LINES} more lines"


def _server_said(facts: dict[str, Any]) -> Iterator[str]:
    errno, error = facts.pop("errno", None), facts.pop("error", None)
    if errno or error:
        yield f"  MySQL error{f' {errno}' if errno else ''}: {_one_line(error or 'no text')}"


def _differences(differences: Any, most: int) -> Iterator[str]:
    if not isinstance(differences, list):
        return
    for difference in differences[:most]:
        if not isinstance(difference, dict):
            yield f"  - {_one_line(difference)}"
            continue
        part, expected, found = (difference.get(name) for name in ("part", "expected", "found"))
        verdict = "missing" if found is None else "not expected" if expected is None else "different"
        name = f"{difference.get('kind', '')} {difference.get('name', '')}"
        yield f"  - {_one_line(name)}{f', {_one_line(part)}' if part else ''}: {verdict}"
        if expected is not None:
            yield f"      expected  {_one_line(expected)}"
        if found is not None:
            yield f"      found     {_one_line(found)}"
    if len(differences) > most:
        yield f"  … and {len(differences) - most:,} more differences"


# -- the small language of the lines -------------------------------------------------------------------------------


def _filled(line: str, said: Mapping[str, Any]) -> str:
    fields = _Fields({name: _Shown(value) for name, value in said.items()})
    if "host" in said:
        host = str(said["host"])  # the path of a socket has no port
        fields["where"] = _Shown(host if host.startswith("/") or not said.get("port") else f"{host}:{said['port']}")
    if said.get("flavour") in _FLAVOURS:
        fields["flavour"] = _Shown(_FLAVOURS[said["flavour"]])
    if "message" not in said:
        fields["message"] = _Shown("Database schema verified and ready")

    def optional(match: re.Match[str]) -> str:
        named = re.findall(r"\{(\w+)", match[1])
        return match[1] if all(name in fields and fields[name].value for name in named) else ""

    return re.sub(r"\[([^\]]*)\]", optional, line).format_map(fields)


class _Fields(dict[str, "_Shown"]):
    def __missing__(self, name: str) -> _Shown:
        return _Shown("?")


class _Shown:
    """A value as a line shows it; after the colon of its braces stands what it counts or measures."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __format__(self, unit: str) -> str:
        if not unit:
            return _one_line(self.value)
        if unit == "names":
            return _names(self.value)
        if unit == "s":
            return _seconds(self.value)
        number = len(self.value) if isinstance(self.value, list | dict) else self.value
        if type(number) is not int:
            return _one_line(number)
        return f"{number:,}" if unit == "number" else f"{number:,} {unit}{'' if number == 1 else 's'}"


def _seconds(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _one_line(value)
    if value < 1:
        return f"{value * 1000:.0f} ms"
    return f"{value:.1f} s" if value < 120 else f"{int(value // 60)} min {int(value % 60)} s"


def _names(value: Any) -> str:
    if not isinstance(value, list):
        return f"✓ {_one_line(value)}"
    more = [f"✓ {len(value) - MOST_NAMES:,} more"] if len(value) > MOST_NAMES else []
    return "  ".join([f"✓ {_one_line(name)}" for name in value[:MOST_NAMES]] + more) or "✓ none"


def _one_line(value: Any) -> str:
    """The text without anything that would end the line, or steer the terminal."""
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    text = text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}… [{len(text) - LONGEST_TEXT} more characters]"
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


# C0 and C1 controls, the line ends of Unicode, and the marks that turn the direction of writing.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_SIGNS = {"warning": "!", "debug": "  ·"}
_ASCII = {"→": "->", "✓": "ok", "✗": "FAILED:", "…": "...", "·": "-"}
_COLOURS = {"→": "\x1b[36m", "✓": "\x1b[32m", "✗": "\x1b[31m", "!": "\x1b[33m"}
_OURS = frozenset({"timestamp", "level", "event"})
