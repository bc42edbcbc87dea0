"""`make kill-matrix`: starts are killed, cut off and robbed of their server at every point; how does the next one end?

    servers.py run SERVER -- matrix.py [--write]             every point; the server's part of the page in docs
    servers.py run SERVER -- matrix.py --resume [--write]    the same, less what an earlier run of this code has tried
    servers.py run -- matrix.py --minutes N [--write]        as many as fit, spread over all of them
    servers.py run -- matrix.py --rounds N [--seed S]        N points by chance, the same for the same seed
    servers.py run mysql -- matrix.py --point STORY/CHAPTER/FAULT    one point, as a line of the result names it

Ends with 1 if any point is wrong, or asked what the table of rules can decide.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

if __name__ == "__main__":  # run by path: the package `tests` is found from the root of the checkout
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from tests.crash import kept, report
from tests.crash.faults import Fault, points, without_repetition
from tests.crash.stage import Stage, stage
from tests.crash.statements import UNDECIDABLE
from tests.crash.stories import BLOCKING, STORIES, Story, find_story, long
from tests.crash.trial import Outcome
from tests.instances import launch
from tests.reach import VARIABLE, Server, from_json

ROWS = 1_000_000
FRACTIONS = (0.2, 0.5, 0.9)


@dataclass(frozen=True, slots=True)
class Point:
    """One interruption, or several in a row: `group` is the line of the table in which it counts."""

    group: str
    story: Story
    chapter: str
    faults: tuple[Fault, ...]

    def __str__(self) -> str:
        return f"{self.story.name}/{self.chapter}/{'+'.join(map(str, self.faults))}"


Done = tuple[Point, Outcome]
Life = Sequence[Point]


@dataclass(slots=True)
class Result:
    """What came out for one server."""

    label: str
    points: int = 0  # that there are
    same: int = 0  # that there would be, if none was the same as another
    done: list[Done] = field(default_factory=list)
    seconds: float = 0.0

    def count(self, group: str | None = None) -> Counter[str]:
        """How many points ended how."""
        return Counter(outcome.end for point, outcome in self.done if group in (None, point.group))

    @property
    def wrong(self) -> list[Done]:
        return [(point, outcome) for point, outcome in self.done if outcome.end == "wrong"]

    @property
    def asked(self) -> Counter[str]:
        """Which statements were asked about, and how often."""
        return Counter(outcome.asked for _, outcome in self.done if outcome.end == "asked")

    @property
    def asked_in_vain(self) -> list[Done]:
        """Where a person was asked what could have been decided."""
        return [each for each in self.done if each[1].end == "asked" and each[1].asked not in UNDECIDABLE]


KILLED = "client killed (-9) at each packet"
CUT = "connection dropped, reset or stalled at each packet"
SERVER = "server killed (-9) before, during and after each statement"
DURING = "in the middle of long statements: client, connection, server"
BLOCKED = "while a statement waits for a forgotten transaction"
CHANCE = "by chance, up to three interruptions in a row"
GROUPS = (KILLED, CUT, SERVER, DURING, BLOCKED, CHANCE)


# --- which points there are ---


def conversation(here: Stage, names: Sequence[str] = tuple(STORIES)) -> Iterator[Point]:
    """Every point between a client and a server that both stay where they are."""
    known: set[str] = set()
    for story in map(STORIES.__getitem__, names):
        for chapter in story.chapters:
            said = here.reference(story, chapter).said
            for fault in points(said, known, twin=story.twin, resets=story.resets):
                yield Point(KILLED if fault.action == "kill" else CUT, story, chapter.name, (fault,))


def all_packets(here: Stage) -> int:
    """How many points the conversations had if every action at every moment of every packet were one of its own."""
    return sum(
        without_repetition(here.reference(story, chapter).said)
        for story in STORIES.values()
        for chapter in story.chapters
    )


def server_kills(names: Sequence[str] = ("empty", "grown-snapshot", "session")) -> Iterator[Point]:
    """The server is killed around each statement."""
    for name in names:
        for chapter in STORIES[name].chapters:
            for label in chapter.labels:
                for moment in ("before", "sent", "done"):
                    yield Point(SERVER, STORIES[name], chapter.name, (Fault("server", moment, label),))


def during(rows: int, actions: Sequence[str]) -> Iterator[Point]:
    """In the middle of long statements."""
    story = long(rows)
    for chapter in story.chapters:
        for part in FRACTIONS:
            for action in actions:
                yield Point(DURING, story, chapter.name, (Fault(action, "sent", chapter.labels[0], part),))


def waiting() -> Iterator[Point]:
    """While a statement waits for somebody else."""
    for chapter in BLOCKING.chapters:
        for action in ("kill", "drop", "reset"):
            yield Point(BLOCKED, BLOCKING, chapter.name, (Fault(action, "sent", chapter.labels[0]),))


def by_chance(here: Stage, rounds: int, seed: str) -> Iterator[Point]:
    """So many points by chance, the same for the same seed."""
    for number in range(rounds):
        dice = random.Random(f"{seed}:{number}")
        story = STORIES[dice.choice(list(STORIES))]
        chapter = dice.choice(story.chapters)
        length = len(here.reference(story, chapter).said)
        faults = []
        for _ in range(dice.choice((1, 1, 1, 2, 3))):
            action = dice.choice(("kill", "kill", "drop", "reset", "stall"))
            moment = dice.choice(("before", "sent", "done", "torn"))
            faults.append(Fault(action, moment, dice.randrange(length)))
        yield Point(CHANCE, story, chapter.name, tuple(faults))


def find_point(text: str, rows: int) -> Point:
    """The point of that name."""
    name, chapter, faults = text.split("/")
    return Point(CHANCE, find_story(name, rows), chapter, tuple(map(Fault.parse, faults.split("+"))))


def lives(wanted: Sequence[Point]) -> list[Life]:
    """The points put together so that each chapter of a life has one at most."""
    stories: dict[str, dict[str, list[Point]]] = defaultdict(lambda: defaultdict(list))
    for point in wanted:
        stories[point.story.name][point.chapter].append(point)
    return [
        [point for point in life if point is not None]
        for chapters in stories.values()
        for life in zip_longest(*chapters.values())
    ]


# --- trying them ---


class Course:
    """A run over the lives, as it goes: what was found so far, and what is said of it."""

    def __init__(self, here: Stage, seconds: float = float("inf"), keep: kept.Kept | None = None) -> None:
        self.here, self.done = here, list[Done]()
        self._keep, self._until = keep, time.monotonic() + seconds
        self._began = time.monotonic()
        self._lock = threading.Lock()

    def live(self, life: Life) -> None:
        """Try the points of one life, unless the time is over."""
        if time.monotonic() > self._until:
            return
        left = list(life)
        try:
            for number, outcome in self.here.live(life[0].story, [(each.chapter, each.faults) for each in life]):
                left.remove(life[number])
                self._note(life[number], outcome, life)
        except Exception as error:  # noqa: BLE001 - one life that breaks is no reason to lose the others
            for point in left:
                self._note(point, Outcome("wrong", f"the trial itself broke: {error!r}"), life)

    def _note(self, point: Point, outcome: Outcome, life: Life) -> None:
        label = self.here.place.server.label
        if outcome.end == "wrong" and outcome.codes and len(life) > 1:
            outcome.why += f"\n  Alone it ends {self._alone(point)}; here it is one of {', '.join(map(str, life))}"
        with self._lock:
            self.done.append((point, outcome))
            if self._keep:
                self._keep.add(point, outcome)
            if outcome.end == "wrong":
                print(report.wrong_point(label, point, outcome), flush=True)

    def _alone(self, point: Point) -> str:
        try:
            return self.here.run(point.story, point.chapter, point.faults).end
        except Exception as error:  # noqa: BLE001 - as above
            return repr(error)

    def say(self, wanted: int) -> None:
        """How far it has come, and what took longest."""
        slow, point = max(((outcome.seconds, str(point)) for point, outcome in self.done), default=(0.0, "-"))
        seconds = time.monotonic() - self._began
        ends = dict(Counter(outcome.end for _, outcome in self.done))
        label = self.here.place.server.label
        print(f"{label}: {len(self.done)} of {wanted} in {seconds:.0f} s, {ends}; {slow:.1f} s for {point}", flush=True)


def run(
    here: Stage,
    wanted: Sequence[Point],
    parallel: int,
    *,
    seconds: float = float("inf"),
    keep: kept.Kept | None = None,
    say: bool = False,
) -> Result:
    """Try these points, for so many seconds; what is wrong is said at once."""
    course, said = Course(here, seconds, keep), 0.0
    with ThreadPoolExecutor(parallel) as pool:
        order = lives(wanted)
        if seconds < float("inf"):
            random.Random("spread").shuffle(order)  # so that there is something of everything
        for finished in as_completed([pool.submit(course.live, life) for life in order]):
            finished.result()
            if say and time.monotonic() - said > 30:
                said = time.monotonic()
                course.say(len(wanted))
    if say:
        course.say(len(wanted))
    return Result(here.place.server.label, done=course.done)


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
    """All that is wanted of one server, less what an earlier run has tried."""
    result, began = Result(server.label), time.monotonic()
    keep = kept.Kept(server.label, fresh=not options.resume) if not (options.point or options.rounds) else None
    known: Mapping[str, Outcome] = keep.known if keep else {}

    def tried(here: Stage, wanted: list[Point], parallel: int, share: float) -> None:
        result.points += len(wanted)
        result.done += [(point, known[str(point)]) for point in wanted if str(point) in known]
        left = [point for point in wanted if str(point) not in known]
        if options.minutes:
            random.Random("spread").shuffle(left)
        result.done += run(here, left, parallel, seconds=options.seconds * share, keep=keep, say=True).done

    with stage(server, folder) as here:
        if options.point:
            point = find_point(options.point, options.rows)
            if not any(fault.action == "server" for fault in point.faults):
                tried(here, [point] * options.times, options.parallel, 1.0)
        elif options.rounds:
            tried(here, list(by_chance(here, options.rounds, options.seed)), options.parallel, 1.0)
        else:
            result.same = all_packets(here)
            tried(here, [*conversation(here), *waiting()], options.parallel, 0.6)
            tried(here, list(during(options.rows, ("kill", "drop"))), 1, 0.1)
    if not options.rounds and not (options.point and result.done):
        with own_stage(server, folder) as here:
            if options.point:
                tried(here, [find_point(options.point, options.rows)] * options.times, 1, 1.0)
            else:
                tried(here, list(server_kills()), 1, 0.2)
                tried(here, list(during(options.rows, ("server",))), 1, 0.1)
    result.seconds = time.monotonic() - began + (keep.seconds if keep else 0.0)
    if keep:
        keep.end(result.seconds)
    return result


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=0.0, metavar="N", help="as many points as fit, by chance")
    parser.add_argument("--rounds", type=int, default=0, metavar="N", help="N points by chance instead of all")
    parser.add_argument("--seed", default="1", help="what chance begins with")
    parser.add_argument("--point", default="", metavar="NAME", help="this point alone")
    parser.add_argument("--times", type=int, default=1, metavar="N", help="so many times")
    parser.add_argument("--rows", type=int, default=ROWS, metavar="N", help="of the table for long statements")
    parser.add_argument("--parallel", type=int, default=3, metavar="N", help="how many at once")
    parser.add_argument("--resume", action="store_true", help="go on where an earlier run of the same code ended")
    parser.add_argument("--write", action="store_true", help="write its part of docs/kill-matrix.md")
    options = parser.parse_args(words)
    servers = from_json(os.environ[VARIABLE])
    options.seconds = options.minutes * 60 / len(servers) if options.minutes else float("inf")
    failed = False
    with tempfile.TemporaryDirectory(prefix="schemagate-crash-") as folder:
        for server in servers:
            result = whole(server, Path(folder), options)
            command = report.command(server.label, options)
            print(report.section(result, GROUPS, command, options.rows), flush=True)
            if options.write:
                report.write(server.label, report.section(result, GROUPS, command, options.rows))
            failed = failed or bool(result.wrong or result.asked_in_vain)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
