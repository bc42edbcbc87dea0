"""What may happen to a start, and at which points of its conversation; and which of these are the same point."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tests.crash.relay import Exchange


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens, and where: at a moment of the exchange with that number, or of that statement ("20_alter:3").

    `part` is which part of the time that the statement takes has passed: for what happens in the middle of it.
    """

    action: str  # kill, drop, reset, stall, server
    moment: str
    place: int | str
    part: float = 0.0

    def __str__(self) -> str:
        return f"{self.action}@{self.moment}@{self.place}" + (f"@{self.part:g}" if self.part else "")

    @classmethod
    def parse(cls, text: str) -> Fault:
        """The fault of that name."""
        action, moment, place, *part = text.split("@")
        return cls(action, moment, int(place) if place.isdigit() else place, float(part[0]) if part else 0.0)


# --- the conversation ---

OWN_NAMES = re.compile(
    r"(?P<schema>crash_[0-9a-f]{10})|(?P<shadow>schemagate_shadow_[0-9a-f]{16})|(?P<lock>schemagate:[0-9a-f]{32})"
)
VALUES = re.compile(r"'(?:[^'\\]|\\.|'')*'|\b\d+\b")
NAMES = re.compile(r"`[^`]*`")
JOURNAL = re.compile(r"(REPLACE INTO|INSERT INTO|UPDATE) `[^`]*`\.schemagate_")
# They leave nothing behind when the session ends.
READS = re.compile(
    r"(?:SELECT(?! (?:IF\()?GET_LOCK| RELEASE_LOCK)|SHOW|SET|USE|PREPARE|DEALLOCATE|START TRANSACTION|BEGIN|SAVEPOINT"
    r"|RELEASE SAVEPOINT|DO|connect|login|command)\b"
)


def key_of(exchange: Exchange) -> str:
    """What is said, the same in every start of a chapter: for where an exchange is found again in another start."""
    text = OWN_NAMES.sub(lambda found: found.lastgroup or "", exchange.text)
    return VALUES.sub("?", text) if JOURNAL.match(exchange.text) else text


def gist(exchange: Exchange) -> str:
    """What is asked for, whatever it is asked of."""
    return NAMES.sub("`?`", VALUES.sub("?", key_of(exchange)))


def reads(exchange: Exchange) -> bool:
    """Is everything after this exchange as it was before it, once its session has ended?"""
    return bool(READS.match(exchange.text))


def nth(said: Sequence[Exchange], number: int) -> tuple[str, int]:
    """What the exchange of that number says, and how often that has been said up to there: a start that has to say
    something more in between, since it takes long, is still interrupted at the same point.
    """
    key = key_of(said[number])
    return key, sum(key_of(each) == key for each in said[: number + 1])


# --- the points ---

ACTIONS = ("kill", "drop", "reset", "stall")
OF_STATEMENTS = (
    ("kill", "sent"), ("kill", "done"), ("drop", "before"), ("drop", "done"), ("drop", "torn"), ("reset", "before"),
    ("reset", "done"), ("stall", "done"),
)  # fmt: skip
# Sent is as good as done: no row, lock or commit waits for a client that has gone. And one that stalls there is found
# as one that was killed there, by a start that waited a little longer.
OF_ENTRIES = (("kill", "done"), ("drop", "before"), ("drop", "done"), ("reset", "before"), ("reset", "done"))
# A dead client leaves behind what the last write left; to one that lives it is all the same whether the server has
# read what it wanted to read, but not whether it has half of the answer.
OF_READS = (("drop", "done"), ("drop", "torn"), ("reset", "done"))
# The shadow is dropped, whatever is in it, and all sessions begin anew.
OF_SHADOW = (("kill", "sent"), ("kill", "done"), ("drop", "before"), ("drop", "done"), ("reset", "done"))
ENTRIES = re.compile(
    r"(?:REPLACE|INSERT|UPDATE|DELETE)[^(=]*`\.schemagate_|COMMIT|ROLLBACK|SELECT (?:IF\()?(?:GET|RELEASE)_LOCK"
)


def faults_at(exchange: Exchange, *, resets: bool = True) -> Iterable[tuple[str, str]]:
    """Every action and moment at one exchange that is a point of its own."""
    found: Sequence[tuple[str, str]]
    if reads(exchange):
        found = OF_READS
    elif not exchange.live:
        found = OF_SHADOW
    else:
        found = OF_ENTRIES if ENTRIES.match(exchange.text) else OF_STATEMENTS
    return [(action, moment) for action, moment in found if resets or action != "reset"]


def points(said: Sequence[Exchange], known: set[str], *, twin: bool = False, resets: bool = True) -> Iterator[Fault]:
    """Every point of a conversation, less those around the statements that were points in another one: `known` is what
    was said there, and grows. `twin`: nor those at the statements. `resets`: connections are reset as well.
    """
    entries = [each.number for each in said if each.live and JOURNAL.match(each.text) and "_journal" in each.text]
    first, last = (entries[0], entries[-1]) if entries else (0, -1)
    for each in said:
        inside = not twin and each.live and first <= each.number <= last
        if not inside and gist(each) in known:
            continue
        known.add(gist(each))
        if not each.number:
            yield Fault("kill", "done", 0)  # nothing was written yet
        for action, moment in faults_at(each, resets=resets):
            yield Fault(action, moment, each.number)


def without_repetition(said: Sequence[Exchange]) -> int:
    """How many points there would be if none were the same as another: every action at every moment."""
    return len(said) * 2 * len(ACTIONS)


class Finder:
    """Finds an exchange again, by what it says, in the conversation of another start."""

    def __init__(self, wanted: tuple[str, int]) -> None:
        self._wanted = wanted
        self._said: Counter[str] = Counter()
        self._number = -1

    def is_it(self, exchange: Exchange, moment: str) -> bool:
        if moment == "before":
            key = key_of(exchange)
            self._said[key] += 1
            if (key, self._said[key]) == self._wanted:
                self._number = exchange.number
        return exchange.number == self._number
