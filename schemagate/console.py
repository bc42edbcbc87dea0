"""What the events say to people.

`EVENTS` is the one table of all events: their level, what they mean (for the docs) and their line on the console.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from typing import Any, NamedTuple

from schemagate import errors
from schemagate.explain import OURS, explain, in_seconds, one_line

STEP_WIDTH = 34
MOST_NAMES = 40
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
    "cluster.waiting": Event(
        "info", "The cluster is just changing; said when the reason changes.", "  … waiting for the cluster: {reason}"
    ),
    "cluster.arbiter": Event(
        "info",
        "Several servers can be written to; this start works on the one where all starts work.",
        "→ Going to where all starts work…\t✓ {arbiter}, the first of {members:member}",
    ),
    "cluster.locked": Event("debug", "The lock is held on all other members of the cluster."),
    "cluster.promised": Event(
        "warning",
        "`SCHEMAGATE_CLUSTER` promises that all starts reach one server; it is not looked at.",
        "! Not proven, but promised: all starts reach one and the same server of this cluster",
    ),
    "lock.waiting": Event(
        "info",
        "Another start is at work; said now and then.",
        "  … waiting for another start: {holder}[ since {since}][, {doing}][ ({waited_seconds:s})]",
    ),
    "lock.taken": Event("info", "This start is the only one at work from here on."),
    "orphan.waiting": Event(
        "info",
        "What a dead start left running in the server is waited for; said now and then.",
        "  … waiting for what {holder} left running[: {statement}][ ({running_seconds:s})][: {reason}]",
    ),
    "orphan.killed": Event(
        "warning",
        "The session that a dead start left behind was ended.",
        "! Ended what {holder} left behind[: {statement}]: {reason}",
    ),
    "statement.settled": Event(
        "info",
        "What became of a statement that an earlier start began was found by looking; `how` says by what.",
        "→ Settling what was in doubt…\t✓ {migration}, statement {ordinal}: {outcome}, {how}",
    ),
    "tool.told": Event(
        "info",
        "Another migration tool has its history here; `migration` is the last one by what it says, which is verified.",
        "  … {tool} has a history here[, by which {migration} was the last][ (not used: {broken} was broken off)]",
    ),
    "baseline.found": Event(
        "info",
        "A database without a journal is exactly as after a migration: that one and those before it are noted as "
        "applied, without being run. `how` says how that is known.",
        "→ Adopting the database…\t✓ {migrations:migration} noted as applied, to {migration}[, statement {statements}]",
    ),
    "adoption.planned": Event(
        "info",
        "A database without a journal lacks what can be added: `missing` is what, `migrations` are those that are run "
        "for it, whole or in part. Of the others all is there.",
        "→ Adopting the database…\t✓ to be added: {missing}",
    ),
    "migration.planned": Event(
        "info",
        "`up --dry-run` alone: a migration would be run. `count` is how many statements, `statements` has the first of "
        "them.",
        "  · {migration}: to be run, {count:statement}",
    ),
    "healing.planned": Event(
        "info",
        "`up --dry-run` alone: what is missing would be made again.",
        "  ! to be made again: {missing}",
    ),
    "statement.skipped": Event(
        "warning",
        "A data statement is not run in a database that is adopted, since a part of its file was there, or all that it "
        "makes though another tool did not end it: whether its rows are there is for a person to see.",
        "  ! {migration}[, line {line}] is not run: its rows may be there ({kind})",
    ),
    "plan.made": Event(
        "info",
        "What is left to run.",
        "→ Reading the history…\t✓ {applied:migration} applied, {pending:number} pending",
    ),
    "database.newer": Event(
        "warning",
        "The journal has `migrations` that this image does not have; each says that the code of this image works.",
        "! The database is newer than this image by {migrations:migration}, which let its code work",
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
    "migration.accepted": Event(
        "warning",
        "An edited file was allowed by name: its first `statements` count as applied as they stand now, whatever was "
        "run in their place; those behind them are run.",
        "! {migration} was edited; by the setting, its first {statements} statements count as applied",
    ),
    "migration.removed": Event(
        "info",
        "The file of a repeatable migration is no longer there. What it made stays, as what no migration makes.",
        "- {migration} is gone; what it made stays",
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
    "statement.retried": Event(
        "warning",
        "A statement did not get its lock, or fell to a deadlock, and is tried again; `blockers`: who is in the way.",
        "  ! [{migration}][{object}][, statement {ordinal}]: {error}; again in {pause_seconds:s}[ ({blockers})]",
    ),
    "start.resumed": Event(
        "warning",
        "The connection was lost, or the server turned read-only; the start goes on where the journal says.",
        "  ! {error}; going on with another connection",
    ),
    "session.not_put_back": Event("debug", "A session variable that a migration set could not be set back."),
    "migration.applied": Event(
        "info",
        "The last pending statement of a migration was applied.",
        "  ✓ {migration}[: {statements:statement}][, {rows:row}][ in {elapsed_seconds:s}]",
    ),
    "healing.rehearsed": Event(
        "info", "What is missing can be made again in the shadow, and then nothing differs.", ""
    ),
    "healing.began": Event(
        "warning",
        "Nothing but `missing` is wrong with the schema, and that can be made again.",
        "! Missing: {missing}",
    ),
    "schema.healed": Event(
        "warning", "Something that was missing was made again.", "  ✓ healed: {object}[ in {elapsed_seconds:s}]"
    ),
    "data.gone": Event(
        "warning",
        "A table or column that was missing was made again, and is empty: its data is gone.",
        "! {object} was missing and is empty now: its data is GONE",
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
            fields = {field: value for field, value in said.items() if field not in OURS and field not in context}
            rest = "  ".join(f"{field}={one_line(value)}" for field, value in fields.items())
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
            return one_line(self.value)
        if unit == "names":
            return _names(self.value)
        if unit == "s":
            return in_seconds(self.value)
        number = len(self.value) if isinstance(self.value, list | dict) else self.value
        if type(number) is not int:
            return one_line(number)
        return f"{number:,}" if unit == "number" else f"{number:,} {unit}{'' if number == 1 else 's'}"


def _names(value: Any) -> str:
    if not isinstance(value, list):
        return f"✓ {one_line(value)}"
    more = [f"✓ {len(value) - MOST_NAMES:,} more"] if len(value) > MOST_NAMES else []
    return "  ".join([f"✓ {one_line(name)}" for name in value[:MOST_NAMES]] + more) or "✓ none"


_SIGNS = {"warning": "!", "debug": "  ·"}
_ASCII = {"→": "->", "✓": "ok", "✗": "FAILED:", "…": "...", "·": "-"}
_COLOURS = {"→": "\x1b[36m", "✓": "\x1b[32m", "✗": "\x1b[31m", "!": "\x1b[33m"}
