"""`make kill-matrix`: starts are killed, cut off and robbed of their server at every point; how does the next one end?

    servers.py run -- matrix.py [--every N] [--write]        every point (or each Nth), on all servers; the page in docs
    servers.py run -- matrix.py --minutes N [--write]        as many as fit, spread over all of them
    servers.py run -- matrix.py --rounds N [--seed S]        N points by chance, the same for the same seed
    servers.py run mysql -- matrix.py --point VARIANT/FAULT  one point, as a line of the result names it

Ends with 1 if any point is wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

if __name__ == "__main__":  # run by path: the package `tests` is found from the root of the checkout
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from tests.crash import report
from tests.crash.statements import VARIANTS, Variant, blocked, long
from tests.crash.trial import CUTS, KILLS, Fault, Outcome, Stage, points, stage
from tests.instances import launch
from tests.reach import VARIABLE, Server, from_json

ROWS = 1_000_000
BLOCKED_AFTER = 0.3  # seconds: then it waits
FRACTIONS = (0.2, 0.5, 0.9)


@dataclass(frozen=True, slots=True)
class Point:
    """One interruption, or several in a row: `group` is the line of the table in which it counts."""

    group: str
    variant: Variant
    faults: tuple[Fault, ...]

    def __str__(self) -> str:
        return f"{self.variant.name}/{'+'.join(map(str, self.faults))}"


@dataclass(slots=True)
class Result:
    """What came out for one server."""

    label: str
    points: int = 0  # that there are
    done: list[tuple[Point, Outcome]] = field(default_factory=list)

    def count(self, group: str | None = None) -> Counter[str]:
        """How many points ended how."""
        return Counter(outcome.end for point, outcome in self.done if group in (None, point.group))

    @property
    def wrong(self) -> list[tuple[Point, Outcome]]:
        return [(point, outcome) for point, outcome in self.done if outcome.end == "wrong"]

    @property
    def asked(self) -> Counter[str]:
        """Which statements were asked about, and how often."""
        return Counter(outcome.asked for _, outcome in self.done if outcome.end == "asked")


KILLED = "client killed (-9) at each packet"
CUT = "connection cut at each packet (dropped, reset, stalled)"
SERVER = "server killed (-9) before, during and after each statement"
DURING = "in the middle of long statements: client, connection, server"
BLOCKED = "while a statement waits for a forgotten transaction"
CHANCE = "by chance, up to three interruptions in a row"
GROUPS = (KILLED, CUT, SERVER, DURING, BLOCKED, CHANCE)


def conversation(here: Stage, names: Sequence[str] = tuple(VARIANTS)) -> Iterator[Point]:
    """Every point between a client and a server that both stay where they are."""
    for name in names:
        variant = VARIANTS[name]
        reference = here.reference(variant)
        for group, kinds in ((KILLED, KILLS), (CUT, CUTS)):
            yield from (Point(group, variant, (fault,)) for fault in points(reference, kinds))


def server_kills(names: Sequence[str] = ("empty", "grown-snapshot", "session")) -> Iterator[Point]:
    """The server is killed around each statement."""
    for name in names:
        for label in VARIANTS[name].labels:
            for moment in ("before", "sent", "done"):
                yield Point(SERVER, VARIANTS[name], (Fault("server", moment, label),))


def during(here: Stage, rows: int, actions: Sequence[str]) -> Iterator[Point]:
    """In the middle of long statements."""
    for variant in long(rows):
        (label,) = variant.labels
        seconds = here.reference(variant).seconds[label]
        for fraction in FRACTIONS:
            for action in actions:
                yield Point(DURING, variant, (Fault(action, "sent", label, round(seconds * fraction, 3)),))


def waiting() -> Iterator[Point]:
    """While a statement waits for somebody else."""
    for variant in blocked():
        (label,) = variant.labels
        for action in ("kill", "drop", "reset"):
            yield Point(BLOCKED, variant, (Fault(action, "sent", label, BLOCKED_AFTER),))


def by_chance(here: Stage, rounds: int, seed: str) -> Iterator[Point]:
    """So many points by chance, the same for the same seed."""
    for number in range(rounds):
        dice = random.Random(f"{seed}:{number}")
        variant = VARIANTS[dice.choice(list(VARIANTS))]
        length = len(here.reference(variant).said)
        faults = []
        for _ in range(dice.choice((1, 1, 1, 2, 3))):
            action = dice.choice(("kill", "kill", "drop", "reset", "stall"))
            moment = dice.choice(("before", "sent", "done", "torn"))
            faults.append(Fault(action, moment, dice.randrange(length), dice.choice((0.0, 0.0, 0.001, 0.005))))
        yield Point(CHANCE, variant, tuple(faults))


def find_point(text: str, rows: int) -> Point:
    """The point of that name."""
    name, _, faults = text.partition("/")
    variants = {**VARIANTS, **{each.name: each for each in (*long(rows), *blocked())}}
    return Point(CHANCE, variants[name], tuple(map(Fault.parse, faults.split("+") if "@" in faults else ())))


def run(
    here: Stage, wanted: Sequence[Point], parallel: int, *, seconds: float = float("inf"), say: bool = False
) -> Result:
    """Try these points, for so many seconds; what is wrong is said at once."""
    result = Result(here.server.label)

    def one(point: Point) -> tuple[Point, Outcome]:
        if time.monotonic() - began > seconds:
            return point, Outcome("left out")
        try:
            return point, here.run(point.variant, point.faults)
        except Exception as error:  # noqa: BLE001 - one trial that breaks is no reason to lose the others
            return point, Outcome("wrong", f"the trial itself broke: {error!r}")

    began = time.monotonic()
    with ThreadPoolExecutor(parallel) as pool:
        for number, (point, outcome) in enumerate(pool.map(one, wanted), 1):
            if outcome.end == "left out":
                break
            result.done.append((point, outcome))
            if outcome.end == "wrong":
                print(report.wrong_point(here.server.label, point, outcome), flush=True)
            if say and number % 50 == 0:
                ends = dict(result.count())
                print(
                    f"{here.server.label}: {number} of {len(wanted)}, {ends}, {time.monotonic() - began:.0f} s",
                    flush=True,
                )
    return result


@contextlib.contextmanager
def own_stage(server: Server, folder: Path) -> Iterator[Stage]:
    """A stage on a server of our own, of the same kind, which may be killed."""
    (instance,) = launch([server.label])
    try:
        with stage(instance.server(), folder, instance) as made:
            yield made
    finally:
        instance.remove()


def whole(server: Server, folder: Path, options: argparse.Namespace) -> Result:
    """All that is wanted of one server."""
    result = Result(server.label)
    dice, seconds = random.Random("spread"), options.seconds
    with stage(server, folder) as here:
        if options.point:
            wanted = [find_point(options.point, options.rows)] * options.times
        elif options.rounds:
            wanted = list(by_chance(here, options.rounds, options.seed))
        else:
            wanted = [*conversation(here), *during(here, options.rows, ("kill", "drop")), *waiting()]
        result.points = len(wanted)
        wanted = wanted[:: options.every]
        if options.minutes:
            dice.shuffle(wanted)
        if not any(fault.action == "server" for point in wanted for fault in point.faults):
            result.done += run(here, wanted, options.parallel, seconds=seconds * 0.7, say=True).done
            wanted = []
    if options.rounds or (options.point and not wanted):
        return result
    with own_stage(server, folder) as here:
        if not options.point:
            wanted = [*server_kills(), *during(here, options.rows, ("server",))]
            result.points += len(wanted)
            wanted = wanted[:: options.every]
            if options.minutes:
                dice.shuffle(wanted)
        result.done += run(here, wanted, 1, seconds=seconds * 0.3, say=True).done
    return result


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only each Nth point")
    parser.add_argument("--minutes", type=float, default=0.0, metavar="N", help="as many points as fit, by chance")
    parser.add_argument("--rounds", type=int, default=0, metavar="N", help="N points by chance instead of all")
    parser.add_argument("--seed", default="1", help="what chance begins with")
    parser.add_argument("--point", default="", metavar="NAME", help="this point alone")
    parser.add_argument("--times", type=int, default=1, metavar="N", help="so many times")
    parser.add_argument("--rows", type=int, default=ROWS, metavar="N", help="of the table for long statements")
    parser.add_argument("--parallel", type=int, default=2, metavar="N", help="how many at once on each server")
    parser.add_argument("--write", action="store_true", help="write docs/kill-matrix.md")
    options = parser.parse_args(words)
    servers = from_json(os.environ[VARIABLE])
    options.seconds = options.minutes * 60 / len(servers) if options.minutes else float("inf")
    began, results = time.monotonic(), []
    with tempfile.TemporaryDirectory(prefix="schemagate-crash-") as folder:
        for server in servers:
            results.append(whole(server, Path(folder), options))
    choice = f" MINUTES={options.minutes:g}" if options.minutes else f" EVERY={options.every}" * (options.every > 1)
    page = report.page(results, GROUPS, choice, options.rows, time.monotonic() - began)
    print(page)
    if options.write:
        report.PAGE.write_text(page, "utf-8")
    return int(any(result.wrong for result in results))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
