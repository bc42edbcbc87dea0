"""What other tools say was run, held against what the schema says: a hint, or a reason to ask. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemagate.contents import Data
from schemagate.othertools import last_told, means, not_beyond

if TYPE_CHECKING:
    from schemagate.adoption import Baseline
    from schemagate.contents import Contents
    from schemagate.othertools import Told


TAKING = ("drop ", "alter ", "rename ")


@dataclass(frozen=True, slots=True)
class Claim:
    """What a tool says of these migrations: which is the last that was run (None where that cannot be told), which were
    `ran`, and which were `begun` and broke off.
    """

    tool: str
    migration: str | None
    ran: frozenset[str] = frozenset()
    begun: frozenset[str] = frozenset()


def claim_of(said: Told, names: Sequence[str]) -> Claim:
    """What this comes to. A number that several migrations have is none of theirs."""
    said = said.here(names)
    meant = [{name for name in names if means(each, name)} for each in said.names]
    ran = {name for some in meant if len(some) == 1 for name in some}
    begun = {name for name in names if said.broken and means(said.broken, name)}
    if said.newest:
        if ran:
            ran = {name for name in names if name <= max(ran)}
        elif not any(meant):  # it may be the number of a file that is not here
            ran = not_beyond("".join(said.names[-1:]), names)
        ran -= begun
    return Claim(said.tool, last_told(said, names), frozenset(ran), frozenset(begun - ran))


def decided(claims: Collection[Claim], names: Collection[str]) -> Claim | None:
    """The one that names one of several candidates; None where none does, or where tools name several."""
    fitting = {claim.migration: claim for claim in claims if claim.migration in names}
    return next(iter(fitting.values())) if len(fitting) == 1 else None


@dataclass(frozen=True, slots=True)
class Contradiction:
    """What a tool says, in words that go on, of which migration, and the statements that may have been run before."""

    says: str
    migration: str
    again: str


def contradicted(claims: Collection[Claim], baseline: Baseline, known: Mapping[str, Contents]) -> Contradiction | None:
    """A claim that more was run, or begun, than this baseline notes, so that what it leaves to be run would change rows
    once more.

    Structure alone cannot be made twice: the server would refuse it; but what is left of a file that is said to have
    run may drop or change what the rest of it has made. Where the schema says that more was run than a
    tool does, the schema has the proof.
    """
    done = {migration.name: count for migration, count, _ in baseline.applied}
    unrun = {(each.migration, each.ordinal) for each in baseline.skipped}
    for claim in claims:
        again = [
            each
            for name in sorted(claim.ran | claim.begun)
            for each in known[name].data
            if each.ordinal > done.get(name, 0) and (name, each.ordinal) not in unrun
        ]
        again += _left_of(baseline, claim)
        if again:
            last = claim.migration or again[-1].migration
            how = "was begun and broke off" if last in claim.begun else "was run"
            return Contradiction(f"{claim.tool} says that {last} {how}", last, _some(again))
    return None


def _left_of(baseline: Baseline, claim: Claim) -> Iterator[Data]:
    """Of a file that was run, by what a tool says, what would be run now and takes away or changes."""
    for migration, count, _ in baseline.applied:
        for statement in migration.statements() if count < migration.count and migration.name in claim.ran else ():
            if statement.ordinal > count and statement.kind.startswith(TAKING):
                yield Data(migration.name, statement.ordinal, statement.line, statement.kind)


def unproven(claims: Collection[Claim], baseline: Baseline, known: Mapping[str, Contents]) -> Iterator[Data]:
    """The statements of data that are noted as applied for what the schema shows, of migrations that no tool has run to
    the end, of those that were at work here: nothing says that their rows are there.
    """
    if any(claim.ran or claim.begun for claim in claims):
        ran = frozenset[str]().union(*(claim.ran for claim in claims))
        for migration, count, _ in baseline.applied:
            if migration.name not in ran:
                yield from (each for each in known[migration.name].data if each.ordinal <= count)


def _some(data: Sequence[Data]) -> str:
    places = [f"{each.migration}.sql:{each.line}" for each in data]
    return ", ".join(places[:5]) + (f" and {len(places) - 5} more" if len(places) > 5 else "")
