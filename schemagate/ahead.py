"""A database that is newer than this image: what it has beyond, and whether that lets older code work. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemagate.files import is_repeatable
from schemagate.sql import COMPATIBLE

if TYPE_CHECKING:
    from schemagate.history import History
    from schemagate.migrations import Migrations


@dataclass(frozen=True, slots=True)
class Later:
    """A migration that is applied and comes after all that this image has. `wrong`: why code that does not know it may
    not work, as far as the journal says; None where the migration says that it works.
    """

    name: str
    wrong: str | None


def ahead(migrations: Migrations, history: History) -> tuple[Later, ...]:
    """What is applied beyond the last of `migrations`, in order; nothing where one of these is not applied whole.

    Each has to say for itself that it keeps working the code that ends with our last one: what comes after it may take
    back what it promised.
    """
    ours = {migration.name for migration in migrations.all if migration.count and not migration.repeatable}
    last = max(ours, default="")
    if not all(name in history.past and history.past[name].complete for name in ours):
        return ()
    known = {name for name, past in history.past.items() if past.applied and not is_repeatable(name)}
    later = sorted(name for name in known if name > last and name not in ours)
    return tuple(Later(name, _wrong(name, last, history)) for name in later)


def _wrong(name: str, last: str, history: History) -> str | None:
    past, oldest = history.past[name], history.compatible.get(name)
    if not past.complete:
        return f"it is newer than this image, and only {past.applied} of its {past.statements} statements are applied"
    if oldest is None:
        return (
            "it is newer than this image, and does not say that older code works with it "
            f"(-- schemagate: {COMPATIBLE} {last})"
        )
    if oldest > last:
        return f"it is newer than this image, and works with code from {oldest} on; this image ends with {last}"
    return None
