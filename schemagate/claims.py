"""What other tools say was run, held against what the schema says: a hint, or a reason to ask. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schemagate.adoption import Baseline, Contents


@dataclass(frozen=True, slots=True)
class Claim:
    """A tool says that this migration was the last to be run."""

    migration: str
    tool: str


def decided(claims: Collection[Claim], names: Collection[str]) -> Claim | None:
    """The one that names one of several candidates; None where none does, or where tools name several."""
    fitting = {claim.migration: claim for claim in claims if claim.migration in names}
    return next(iter(fitting.values())) if len(fitting) == 1 else None


def contradicted(
    claims: Collection[Claim], baseline: Baseline, known: Mapping[str, Contents]
) -> tuple[Claim, str] | None:
    """A claim that more was run than this baseline notes, so that what it leaves to be run would change rows once more;
    and those statements, in words.

    Structure alone cannot be made twice: the server would refuse it. Where the schema says that more was run than a
    tool does, the schema has the proof.
    """
    done = {migration.name: count for migration, count, _ in baseline.applied}
    unrun = {(each.migration, each.ordinal) for each in baseline.skipped}
    for claim in claims:
        again = [
            f"{each.migration}.sql:{each.line}"
            for name, contents in sorted(known.items())
            for each in contents.data
            if name <= claim.migration and each.ordinal > done.get(name, 0) and (name, each.ordinal) not in unrun
        ]
        if again:
            return claim, _some(again)
    return None


def _some(places: Sequence[str]) -> str:
    return ", ".join(places[:5]) + (f" and {len(places) - 5} more" if len(places) > 5 else "")
