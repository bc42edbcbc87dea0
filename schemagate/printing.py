"""A comparison of two schemas as text: side by side for people, JSON for machines, and the DDL for both. Pure."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from schemagate.reindexing import ADD_TEXT, ALTER_INDEX
from schemagate.schema import Difference
from schemagate.snapshot import for_clients

if TYPE_CHECKING:
    from schemagate.ddl import Change

ONLY_FIRST, ONLY_SECOND, BOTH = "-", "+", "~"
COLOURS = {ONLY_FIRST: "\x1b[31m", ONLY_SECOND: "\x1b[32m", BOTH: "\x1b[33m"}
BOLD, PLAIN = "\x1b[1m", "\x1b[0m"
NARROWEST = 24  # a column of text
# What a terminal would obey, but for line ends and tabs.
CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), 127, *range(128, 160)) if code not in (9, 10)}


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a comparison found. In a difference, `found` is of the first side and `expected` of the second.

    `ddl` are the statements that turn the first into the second, with what each changes; None for those that only set
    the session. `proven`: they were run in the shadow, and did. `no_ddl` says why there are none.
    """

    first: str
    second: str
    differences: tuple[Difference, ...] = ()
    proof: str = "text"
    not_compared: tuple[tuple[str, str], ...] = ()
    foreign: tuple[tuple[str, str], ...] = ()
    ddl: tuple[tuple[Change | None, str], ...] = ()
    proven: bool = False
    no_ddl: str = ""

    @property
    def equal(self) -> bool:
        """Nothing differs, and all was compared."""
        return not self.differences and not self.not_compared


def together(changes: Iterable[Change]) -> Iterator[Change]:
    """The same with what is done to one table in one ALTER TABLE, where one follows the other: a table is rebuilt once.

    What loses data stays apart from what does not, foreign keys from all else, and both in their order.
    """
    held: Change | None = None
    for each in changes:
        merged = held and _merged(held, each)
        if held and not merged:
            yield held
        held = merged or each
    if held:
        yield held


def _merged(one: Change, other: Change) -> Change | None:
    begin = re.match(r"(SET STATEMENT .* FOR )?ALTER TABLE `(?:[^`]|``)+` ", one.sql)
    if one.kind != "table" or begin is None or not other.sql.startswith(begin[0]) or one.name != other.name:
        return None
    apart = ("foreign key", "partitioning")
    if bool(one.loses) != bool(other.loses) or any(word in f"{one.part}{other.part}" for word in apart):
        return None
    if (ADD_TEXT in one.sql and ADD_TEXT in other.sql) or ALTER_INDEX in one.sql + other.sql:
        return None
    here, there = one.part.split(", "), other.part.split(", ")
    if any(part.startswith("index ") and part in here for part in there):  # it goes before it comes, on purpose
        return None
    lost = "; ".join(dict.fromkeys(text for text in (one.loses, other.loses) if text))
    return replace(
        one,
        part=f"{one.part}, {other.part}",
        sql=f"{one.sql}, {other.sql.removeprefix(begin[0])}",
        adds=one.adds and other.adds,
        loses=lost or None,
    )


# --- for machines -------------------------------------------------------------------------------------------------


def for_machines(found: Comparison) -> str:
    """One JSON object."""
    return json.dumps(
        {
            "from": found.first,
            "to": found.second,
            "equal": found.equal,
            "proof": found.proof,
            "differences": [
                {"kind": each.kind, "name": each.name, "part": each.part, "from": each.found, "to": each.expected}
                for each in found.differences
            ],
            "not_compared": [{"kind": kind, "reason": reason} for kind, reason in found.not_compared],
            "foreign": [{"kind": kind, "name": name} for kind, name in found.foreign],
            "ddl": [_statement(change, text) for change, text in found.ddl],
            "ddl_proven": found.proven,
        },
        ensure_ascii=False,
    )


def _statement(change: Change | None, text: str) -> dict[str, object]:
    if change is None:
        return {"sql": text, "session": True}
    return {
        "sql": text,
        "kind": change.kind,
        "name": change.name,
        "part": change.part,
        "adds": change.adds,
        "loses": change.loses,
    }


# --- for people ---------------------------------------------------------------------------------------------------


def for_people(found: Comparison, *, width: int, colour: bool) -> str:
    """Object by object, the first side on the left and the second on the right; and then the DDL."""
    paint = _Paint(colour)
    if found.equal:
        lines = [f"{found.first} and {found.second} are equal."]
    else:
        lines = list(_differences(found, max(width, 2 * NARROWEST), paint))
    lines += [f"Not compared: {kind}: {reason}" for kind, reason in found.not_compared]
    lines += [f"Left alone, since no migration makes it: {kind} {name}" for kind, name in found.foreign]
    text = "\n".join(lines)
    return f"{text}\n\n{as_sql(found, paint)}" if found.ddl else text


class _Paint:
    def __init__(self, colour: bool = False) -> None:
        self._colour = colour

    def __call__(self, text: str, colour: str) -> str:
        return f"{colour}{text}{PLAIN}" if self._colour and text.strip() else text


def _differences(found: Comparison, width: int, paint: _Paint) -> Iterator[str]:
    half = (width - 5) // 2
    if found.differences:
        yield f"{'':4}{paint(found.first.ljust(half)[:half], BOLD)} {paint(found.second[:half], BOLD)}"
    for (kind, name), group in groupby(found.differences, key=lambda each: (each.kind, each.name)):
        yield ""
        yield paint(f"{kind} {name}".translate(CONTROL), BOLD)
        for each in group:
            sign = ONLY_SECOND if each.found is None else ONLY_FIRST if each.expected is None else BOTH
            if each.part:
                yield paint(f"  {sign} {each.part}".translate(CONTROL), COLOURS[sign])
                yield from _beside(each.found or "", each.expected or "", half, paint)
            else:
                side = found.second if each.found is None else found.first
                yield paint(f"  {sign} only in {side}", COLOURS[sign])


def _beside(left: str, right: str, half: int, paint: _Paint) -> Iterator[str]:
    """Two texts side by side; of long ones, the lines that differ."""
    lines = left.splitlines(), right.splitlines()
    for tag, begin, end, start, stop in difflib.SequenceMatcher(None, *lines, autojunk=False).get_opcodes():
        if tag == "equal":
            yield f"{'':4}…"
            continue
        ours = [piece for line in lines[0][begin:end] for piece in _folded(line, half)]
        theirs = [piece for line in lines[1][start:stop] for piece in _folded(line, half)]
        for at in range(max(len(ours), len(theirs))):
            here, there = (side[at] if at < len(side) else "" for side in (ours, theirs))
            yield f"    {paint(here.ljust(half), COLOURS[ONLY_FIRST])} {paint(there, COLOURS[ONLY_SECOND])}".rstrip()


def _folded(line: str, width: int) -> list[str]:
    """A line as pieces no longer than that, cut at blanks where there are some."""
    pieces, line = [], line.translate(CONTROL).expandtabs(4)
    while len(line) > width:
        at = max(line.rfind(" ", 0, width), line.rfind(",", 0, width)) + 1
        at = at if at > width // 3 else width
        pieces.append(line[:at])
        line = line[at:]
    return [*pieces, line]


# --- the DDL ------------------------------------------------------------------------------------------------------


def as_sql(found: Comparison, paint: _Paint | None = None) -> str:
    """A file that both clients run: what loses data is in comments, with what it loses. To be looked at, with `paint`,
    it has no control characters, which a terminal would obey.
    """
    safe, paint = (CONTROL, paint) if paint else ({}, _Paint())
    proven = " (tried in the shadow: it does)" if found.proven else ""
    lines = [f"-- The DDL that turns {found.first} into {found.second}{proven}."]
    if any(change and change.loses for change, _ in found.ddl):
        lines.append("-- What can lose data, or be refused by rows, is in comments.")
    if any(text != text.translate(safe) for _, text in found.ddl):
        lines.append("-- Control characters are shown as \\x1b: --sql has the statements as they are.")
    for change, text in found.ddl:
        written = for_clients("" if change is None or text.startswith("DROP ") else change.kind, text).translate(safe)
        if change and change.loses:
            lines.append(paint(f"-- LOSES: {change.loses}", COLOURS[ONLY_FIRST]))
            written = "\n".join(f"-- {line}" for line in written.split("\n"))
        lines.append(written)
    return "\n".join(lines)


def differing(differences: Sequence[Difference]) -> str:
    """In how many objects the differences are, in words."""
    count = len({(each.kind, each.name) for each in differences})
    return f"{count:,} object{'s' if count > 1 else ''}"
