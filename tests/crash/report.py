"""The result of the kill matrix for people: the page docs/kill-matrix.md, and a line for each point that is wrong."""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tests.crash.stories import BLOCKING, STORIES, long

if TYPE_CHECKING:
    from tests.crash.matrix import Point, Result
    from tests.crash.trial import Outcome

PAGE = Path(__file__).resolve().parents[2] / "docs/kill-matrix.md"
ENDS = ("equal", "asked", "refused", "wrong")
HEAD = """\
# The kill matrix

<!-- tests/crash/matrix.py writes this page, each server's part with the command that stands there -->

Starts are interrupted at the points below, and then started again until one ends. What is found then, objects and
rows, is compared with a run that nobody interrupted.

- **equal**: exactly the same, each statement is applied once, and nothing is left behind: no shadow, no session.
- **asked**: a start ended with exit 31 and asked a person about one statement. The question was a true one (the
  statement had been begun, and the schema was as it is right before or right after it), and with the true answer the
  next start ended equal.
- **refused**: in a file that needs what only its session knew (a prepared statement, a temporary table, a variable),
  the next start ended with exit 11 before it changed anything, and said which statement cannot be gone on with.
- **wrong**: anything else.

A story is told of one schema chapter by chapter, as images of an application follow each other: files that create,
alter in every way, rename, drop, fill, and make views, triggers, procedures and events. Each chapter is interrupted
once; then comes the next one, in the same schema. So it is on an empty schema, on one with rows, with and without a
snapshot, for an account without a shadow, and for what only a session knows.

A packet is a request of the client or its whole answer; the client is killed, and the connection cut, before the server
has it and when the server has answered. A connection that is *stalled* passes nothing on and closes nothing, as when a
node dies without a word; the next start comes before the server notices. What is the same point is tried once:

- A client that is killed or stalled leaves what its last write left. So there are no such points at packets that only
  read, or that only set something in the session; and "killed before a packet" is "killed after the one before it".
- Of a packet that only reads, the server is the same before and after it. So a connection is cut there twice: when the
  client has nothing of the answer, and when it has half of it. So it is cut in the answers to statements, too.
- No entry of the journal, commit or lock waits for a client that has gone: killed when it is sent or when it is done is
  the same. One that stalls there is found as one that was killed, by a start that waits a little longer.
- The shadow is dropped by the next start whatever is in it. So no connection is stalled there, and none is reset before
  the server has the packet.
- A reset ends all connections of a start at once, where the others end one. All packets of one story are reset.
- What every chapter does around its statements (meeting the server, locks, reading the schema, the proof) is
  interrupted where it is said first, and the statements with their entries in every chapter.
"""


def command(label: str, options: argparse.Namespace) -> str:
    """What makes the part of this server."""
    if options.rounds:
        return f"make kill-matrix SERVER={label} ROUNDS={options.rounds} SEED={options.seed}"
    minutes = f" MINUTES={options.minutes:g}" if options.minutes else ""
    return f"make kill-matrix SERVER={label}{minutes}" + (f" ROWS={options.rows}" if options.rows != 1_000_000 else "")


def section(result: Result, groups: Sequence[str], command: str, rows: int) -> str:
    """The part of one server, from a real result."""
    said = [f"## {result.label}\n", f"| interrupted | points | {' | '.join(ENDS)} |", "|---" * 6 + "|"]
    said += [_row(group, counts) for group in groups if (counts := result.count(group))]
    said += [_row("all", result.count()), ""]
    if len(result.done) < result.points:
        said.append(f"These are {len(result.done)} of {result.points} points, spread over all of them.\n")
    if result.same:
        said.append(
            f"If no packet were the same point as another, the first two lines would be {result.same:,} points.\n"
        )
    if missed := result.count()["missed"]:
        said.append(f"Another {missed} points were not reached: a conversation is not always of the same length.\n")
    said.append(
        f"The table of the long statements had {rows:,} rows. Written in {result.seconds / 60:.0f} minutes by\n"
    )
    said.append(f"    {command}\n")
    return "\n".join([*said, *_asked(result), *_wrong(result)]).rstrip() + "\n"


def write(label: str, part: str, page: Path = PAGE) -> None:
    """Put the part of this server into the page; those of others stay."""
    old = page.read_text("utf-8") if page.exists() else ""
    parts = {found[1]: found[0] for found in re.finditer(r"^## (\S+)\n.*?(?=^## |\Z)", old, re.MULTILINE | re.DOTALL)}
    parts[label] = part
    order = sorted(parts, key=lambda each: (not each.startswith("mysql"), each))
    page.write_text("\n".join([HEAD, *(parts[each].rstrip() + "\n" for each in order)]), "utf-8")


def _row(name: str, counts: Counter[str]) -> str:
    points = sum(counts[end] for end in ENDS)
    return f"| {name} | {points} | {' | '.join(str(counts[end]) for end in ENDS)} |"


def _asked(result: Result) -> list[str]:
    if not result.asked:
        return ["Nothing was asked.\n"]
    texts = {label: text for each in (*STORIES.values(), long(1), BLOCKING) for label, text in each.texts.items()}
    said = ["| asked about | times |", "|---|---|"]
    for label, times in sorted(result.asked.items()):
        said.append(f"| `{' '.join(texts.get(label, label).split())[:80]}` | {times} |")
    return [*said, ""]


def _wrong(result: Result) -> list[str]:
    return ["What was wrong:\n", *(f"    {line(result.label, point)}" for point, _ in result.wrong)] * bool(
        result.wrong
    )


def line(label: str, point: Point) -> str:
    """The command that tries this point again."""
    return f"tests/servers.py run {label} -- tests/crash/matrix.py --point '{point}'"


def wrong_point(label: str, point: Point, outcome: Outcome) -> str:
    """All that there is to say about a point that is wrong."""
    return f"WRONG on {label} at {outcome.hit!r}, exit codes {outcome.codes}: {outcome.why}\n  {line(label, point)}"
