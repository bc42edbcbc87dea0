"""An error for people: what happened, where, what the server said, and what to do next.

The facts of an error that the console knows how to show: `file`, `line`, `migration`, `ordinal` (where), `statement`
(its text), `errno` and `error` (what MySQL said), `differences` (each with `kind`, `name`, `part`, `expected`,
`found`), `problems`, `state` (of the schema now), `next` (the command to run). Any other fact is shown under its name.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from typing import Any

from schemagate.plain import cut

EXCERPT_LINES = 8
MOST_DIFFERENCES = 20
LONGEST_TEXT = 2_000
OURS = frozenset({"timestamp", "level", "event"})


def explain(said: Mapping[str, Any], context: Container[str] = (), most: int = MOST_DIFFERENCES) -> list[str]:
    """An error for people, with the facts that matter on a line each; its values are plain."""
    facts = {name: fact for name, fact in said.items() if name not in OURS and name not in context and fact is not None}
    message, code = str(facts.pop("message", said.get("event", ""))), facts.pop("exit_code", None)
    problems = facts.pop("problems", None)
    many = isinstance(problems, list) and len(problems) > 1
    lines = [f"✗ {one_line(message.partition(': ')[0] + ':' if many else message)}"]
    lines += [f"  - {one_line(problem)}" for problem in problems or ()] if many else []
    lines += _where(facts)
    lines += _server_said(facts)
    lines += _differences(facts.pop("differences", None), most)
    state, following = facts.pop("state", None), facts.pop("next", None)
    trace = str(facts.pop("exception", "")).splitlines()
    elapsed = facts.pop("elapsed_seconds", None)
    for name, fact in facts.items():
        lines += _fact(name, fact)
    lines += [f"  State of the schema: {one_line(state)}"] if state else []
    lines += [f"  Next: {one_line(following)}"] if following else []
    lines += [f"  {one_line(line)}" for line in trace]
    after = f", after {in_seconds(elapsed)}" if elapsed is not None else ""
    lines += [f"  (exit code {code}, {one_line(said.get('event', ''))}{after})"] if code is not None else []
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
        yield f"  {one_line(name)}: {one_line(fact)}"
        return
    yield f"  {one_line(name)}:"
    for one in fact[:MOST_DIFFERENCES]:
        values = one.values() if isinstance(one, dict) else [one]
        yield f"  - {one_line(' '.join(str(value) for value in values if value is not None))}"
    if len(fact) > MOST_DIFFERENCES:
        yield f"  … and {len(fact) - MOST_DIFFERENCES:,} more"


def _where(facts: dict[str, Any]) -> Iterator[str]:
    migration, ordinal = facts.pop("migration", None), facts.pop("ordinal", None)
    file, line = facts.pop("file", None), facts.pop("line", None)
    place = file or (f"{migration}.sql" if migration else None)
    if place:
        number = f", statement {ordinal}" if ordinal else ""
        yield f"  {one_line(place)}{f':{line}' if line else ''}{number}"
    statement = str(facts.pop("statement", "") or "").strip().splitlines()
    for text in statement[:EXCERPT_LINES]:
        yield f"    {one_line(text)}"
    if len(statement) > EXCERPT_LINES:
        yield f"    … {len(statement) - EXCERPT_LINES} more lines"


def _server_said(facts: dict[str, Any]) -> Iterator[str]:
    errno, error = facts.pop("errno", None), facts.pop("error", None)
    if errno or error:
        yield f"  MySQL error{f' {errno}' if errno else ''}: {one_line(error or 'no text')}"


def _differences(differences: Any, most: int) -> Iterator[str]:
    if not isinstance(differences, list):
        return
    for difference in differences[:most]:
        if not isinstance(difference, dict):
            yield f"  - {one_line(difference)}"
            continue
        part, expected, found = (difference.get(name) for name in ("part", "expected", "found"))
        verdict = "missing" if found is None else "not expected" if expected is None else "different"
        name = f"{difference.get('kind', '')} {difference.get('name', '')}"
        yield f"  - {one_line(name)}{f', {one_line(part)}' if part else ''}: {verdict}"
        if expected is not None:
            yield f"      expected  {one_line(expected)}"
        if found is not None:
            yield f"      found     {one_line(found)}"
    if len(differences) > most:
        yield f"  … and {len(differences) - most:,} more differences"


def in_seconds(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return one_line(value)
    if value < 1:
        return f"{value * 1000:.0f} ms"
    return f"{value:.1f} s" if value < 120 else f"{int(value // 60)} min {int(value % 60)} s"


def one_line(value: Any) -> str:
    """The text without anything that would end the line, or steer the terminal."""
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    text = text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}… [{len(text) - LONGEST_TEXT} more characters]"
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


# C0 and C1 controls, the line ends of Unicode, and the marks that turn the direction of writing.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
