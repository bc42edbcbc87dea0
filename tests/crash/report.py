"""The result of the kill matrix for people: the page docs/kill-matrix.md, and a line for each point that is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tests.crash.statements import VARIANTS, blocked, long

if TYPE_CHECKING:
    from tests.crash.matrix import Point, Result
    from tests.crash.trial import Outcome

PAGE = Path(__file__).resolve().parents[2] / "docs/kill-matrix.md"
ENDS = ("equal", "asked", "refused", "wrong")
HEAD = """\
# The kill matrix

<!-- tests/crash/matrix.py writes this page: {command} -->

Starts are interrupted at the points below, and then started again until one ends. What is found then, objects and
rows, is compared with a run that nobody interrupted.

- **equal**: exactly the same, each statement is applied once, and nothing is left behind: no shadow, no session.
- **asked**: a start ended with exit 31 and asked a person about one statement. The question was a true one (the
  statement had been begun, and the schema was as it is right before or right after it), and with the true answer the
  next start ended equal.
- **refused**: in a file that needs what only its session knew (a prepared statement, a temporary table, a variable),
  the next start ended with exit 11 before it changed anything, and said which statement cannot be gone on with.
- **wrong**: anything else.

A packet is a request of the client or its whole answer; the client is killed, and the connection cut, before the server
has it and when the server has answered. A connection that is *stalled* passes nothing on and closes nothing, as when a
node dies without a word; the next start comes before the server notices.
"""


def page(results: Sequence[Result], groups: Sequence[str], choice: str, rows: int, seconds: float) -> str:
    """The page, from real results."""
    command = "make kill-matrix" + choice + (f" ROWS={rows}" if rows != 1_000_000 else "")
    said = [HEAD.format(command=command)]
    said.append(f"The table of the long statements had {rows:,} rows. Written in {seconds / 60:.0f} minutes by")
    said.append(f"\n    {command}\n")
    for result in results:
        said += [f"## {result.label}\n", f"| interrupted | points | {' | '.join(ENDS)} |", "|---" * 6 + "|"]
        for group in groups:
            if counts := result.count(group):
                said.append(_row(group, counts))
        said += [_row("all", result.count()), ""]
        if len(result.done) < result.points:
            said.append(f"These are {len(result.done)} of {result.points} points, spread over all of them.\n")
        if missed := result.count()["missed"]:
            said.append(f"Another {missed} points were not reached: a conversation is not always of the same length.\n")
    said += [*_asked(results), *_wrong(results)]
    return "\n".join(said).rstrip() + "\n"


def _row(name: str, counts: Counter[str]) -> str:
    points = sum(counts[end] for end in ENDS)
    return f"| {name} | {points} | {' | '.join(str(counts[end]) for end in ENDS)} |"


def _asked(results: Sequence[Result]) -> list[str]:
    labels = sorted({label for result in results for label in result.asked})
    if not labels:
        return ["## What was asked\n", "Nothing.\n"]
    texts = {label: each.text(label) for each in (*VARIANTS.values(), *long(1), *blocked()) for label in each.labels}
    columns = " | ".join(result.label for result in results)
    said = ["## What was asked\n", f"| statement | {columns} |", "|---" * (len(results) + 1) + "|"]
    for label in labels:
        counts = " | ".join(str(result.asked[label]) for result in results)
        said.append(f"| `{' '.join(texts.get(label, label).split())[:80]}` | {counts} |")
    return [*said, ""]


def _wrong(results: Sequence[Result]) -> list[str]:
    found = [(result.label, *each) for result in results for each in result.wrong]
    if not found:
        return []
    return ["## What was wrong\n", *(f"    {line(label, point)}" for label, point, _ in found)]


def line(label: str, point: Point) -> str:
    """The command that tries this point again."""
    return f"tests/servers.py run {label} -- tests/crash/matrix.py --point '{point}'"


def wrong_point(label: str, point: Point, outcome: Outcome) -> str:
    """All that there is to say about a point that is wrong."""
    return f"WRONG on {label} at {outcome.hit!r}, exit codes {outcome.codes}: {outcome.why}\n  {line(label, point)}"
