"""Something of ours is missing that pending statements need: it is made again before them, not after them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from schemagate.errors import RehearsalFailed, SchemaDrift
from schemagate.expected import Expected, Incomplete, replay
from schemagate.kinds import DATA, OPAQUE
from schemagate.refusals import ServerError
from schemagate.rehearse import Rehearsal, rehearse
from schemagate.remedy import Unhealable, said
from schemagate.schema import part_of
from schemagate.scratch import ShadowUnavailable
from schemagate.trial import Refused
from schemagate.verify import as_facts, read, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemagate.errors import SchemagateError
    from schemagate.expected import Verdict
    from schemagate.heal import Healer
    from schemagate.migrations import Migration
    from schemagate.plan import Plan
    from schemagate.schema import Difference, Schema
    from schemagate.traces import Traces
    from schemagate.verify import Live

# Where one of these is missing, a statement of data that needs it does not work; it does not do something else.
NEEDED_TO_WORK = frozenset({"view", "procedure", "function", "event", "sequence"})
# What may be in a statement after which nobody sees that something was missing before it.
DROPPING = re.compile(rb"\b(drop|replace|exists)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Restoration:
    """What is missing of that which the applied migrations build; `healer` makes it in the `part` of the live schema
    that they build, and the schema is `whole` then.
    """

    healer: Healer
    verdict: Verdict
    part: Schema
    whole: Schema


def rehearsed(plan: Plan, before: Live, healer: Healer, *, dry: bool = False) -> tuple[Schema, Traces]:
    """The live schema and the traces of its rehearsal. Raises what `rehearse` and `heal` raise.

    Where that fails because something is missing which may be healed, it is tried with that, and then that is healed.
    So it is, too, where it would work without, and rows are changed: without a trigger, a unique index or a foreign key
    other rows come of that. Where it cannot be told what was missing before, that raises SchemaDrift.

    `dry`: nothing is healed, and the schema is the one that would be.
    """
    live, rehearsal, failed = before.schema, Rehearsal(), None
    try:
        rehearsal = _rehearse(plan, live, healer)
    except (RehearsalFailed, SchemaDrift) as error:
        failed = error
    else:
        proven, past = healer.journal.proven, healer.journal.history.past
        if not past or before.fingerprint == proven or not _may_miss(plan, rehearsal):
            return live, rehearsal.traces
    found = _restoration(plan, live, healer, failed)
    if found is None:
        if failed:
            raise failed
        _refuse_to_guess(rehearsal.missing or (), healer)
        return live, rehearsal.traces
    traces = _rehearse(plan, found.whole, healer).traces
    if dry:
        changes = found.healer.promise(found.verdict, found.part).changes
        healer.log.info("healing.planned", missing=[said(change) for change in changes])
        return found.whole, traces
    found.healer.heal(found.verdict, found.part)
    live = read(healer.connection, healer.here).schema
    return live, _rehearse(plan, live, healer).traces


def _rehearse(plan: Plan, live: Schema, healer: Healer) -> Rehearsal:
    database = healer.here.database
    return rehearse(plan, live, healer.expected, healer.shadows, healer.log, database, healer.unhealable)


def _may_miss(plan: Plan, rehearsal: Rehearsal) -> bool:
    """May rows be changed while something is missing? Where the end is as it should be, and nothing is dropped on the
    way, nothing was missing in the beginning.
    """
    changes = drops = False
    for todo in plan.todo:
        for statement in todo.migration.statements():
            if statement.ordinal >= todo.first:
                data = statement.kind in DATA | OPAQUE
                changes = changes or data
                drops = drops or not (data or todo.migration.repeatable or not DROPPING.search(statement.raw))
            del statement  # before the next is read: each may be as long as memory allows
            if changes and (drops or rehearsal.missing != ()):
                return True
    return False


def _restoration(plan: Plan, live: Schema, healer: Healer, failed: SchemagateError | None) -> Restoration | None:
    """None where nothing is missing, where more than that is amiss, and where it cannot be told what was run before."""
    applied = _applied(plan, healer)
    if applied is None:
        return None
    anew = {key for todo in plan.todo if todo.migration.repeatable for key in todo.migration.creates()}
    part = part_of(live, {(kind, name) for kind, name in live.objects if (kind, name.lower()) not in anew})
    migrations = replace(healer.migrations, all=applied, snapshot=None)
    expected = Expected(migrations, None, healer.here, healer.shadows)
    try:
        expected.known = replay(migrations, healer.shadows)
        verdict = expected.against(part)
        if not verdict.differences:
            return None
        now = replace(healer, expected=expected, pending=len(plan.todo))
        missing = {(change.kind, change.name) for change in now.promise(verdict, part).changes}
    except (ShadowUnavailable, Incomplete, Refused, ServerError):
        return None
    except Unhealable as reason:
        if isinstance(failed, RehearsalFailed):
            failed.message += (
                f" It may be right: the schema is not the one that the applied migrations build, "
                f"{told(verdict.differences)}; that is not healed, since {reason}."
            )
        if failed:
            failed.facts.setdefault("not_healed", str(reason))
        return None
    made = {key: each for key, each in expected.known.objects.items() if key in missing}
    return Restoration(now, verdict, part, replace(live, objects={**live.objects, **made}))


def _applied(plan: Plan, healer: Healer) -> tuple[Migration, ...] | None:
    """The migrations that were run here, the last one as far as it was; None where that is not known so.

    A repeatable one that is to be run again is none of them: nobody knows what it made last.
    """
    history, left = healer.journal.history, {todo.migration.name: todo for todo in plan.todo}
    if not history.past or history.adopting:
        return None
    applied: list[Migration] = []
    for each in healer.migrations.all:
        todo = left.get(each.name)
        if todo is None:
            applied.append(each)
        elif todo.first > 1 and not each.repeatable:
            if each.kept is None:
                return None
            done = tuple(statement for statement in each.kept if statement.ordinal < todo.first)
            applied.append(replace(each, kept=done, checksums=each.first(len(done))))
    return tuple(applied)


def _refuse_to_guess(missing: Sequence[Difference], healer: Healer) -> None:
    """Raise SchemaDrift where rows that are changed now may come out otherwise than with what is missing."""
    decisive = [each for each in missing if each.kind not in NEEDED_TO_WORK and not _is_for_speed(each)]
    if not decisive or healer.journal.history.adopting:
        return
    raise SchemaDrift(
        f"The live schema lacks what it should have: {told(decisive)}. What is pending changes rows, which may come "
        "out otherwise without that, and it cannot be told here whether it was to be there before. Nothing was "
        "changed. Make it by hand as schema.sql has it, or have the migration make it; then start again.",
        differences=as_facts(missing),
        not_healed="it would be made again too late for the rows that are changed before",
        state="not touched",
    )


def _is_for_speed(difference: Difference) -> bool:
    """An index that lets the same rows in as none."""
    first = (difference.expected or "").split(None, 1)[:1]
    return difference.part.startswith("index ") and first not in (["UNIQUE"], ["PRIMARY"])
