"""Something of ours is missing that pending statements need: it is made again before them, not after them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from schemagate.errors import RehearsalFailed, SchemaDrift, SchemagateError
from schemagate.expected import Expected, Incomplete, replay
from schemagate.refusals import ServerError
from schemagate.rehearse import rehearse
from schemagate.remedy import Unhealable, said
from schemagate.scratch import ShadowUnavailable
from schemagate.trial import Refused
from schemagate.verify import read, told

if TYPE_CHECKING:
    from schemagate.expected import Verdict
    from schemagate.heal import Healer
    from schemagate.plan import Plan
    from schemagate.schema import Schema
    from schemagate.traces import Traces


@dataclass(frozen=True, slots=True)
class Restoration:
    """What is missing of that which the applied migrations build; `healer` makes it, and the schema is `whole` then."""

    healer: Healer
    verdict: Verdict
    whole: Schema


def rehearsed(plan: Plan, live: Schema, healer: Healer, *, dry: bool = False) -> tuple[Schema, Traces]:
    """The live schema and the traces of its rehearsal. Where that fails because something is missing which holds no
    data, it is tried with that, and then that is healed. Raises what `rehearse` and `heal` raise.

    `dry`: nothing is healed, and the schema is the one that would be.
    """
    database, log = healer.here.database, healer.log
    try:
        return live, rehearse(plan, live, healer.expected, healer.shadows, log, database, healer.unhealable)
    except (RehearsalFailed, SchemaDrift) as failed:
        found = _restoration(plan, live, healer, failed)
        if found is None:
            raise
    traces = rehearse(plan, found.whole, healer.expected, healer.shadows, log, database, healer.unhealable)
    if dry:
        changes = found.healer.promise(found.verdict, live).changes
        log.info("healing.planned", missing=[said(change) for change in changes])
        return found.whole, traces
    found.healer.heal(found.verdict, live)
    live = read(healer.connection, healer.here).schema
    return live, rehearse(plan, live, healer.expected, healer.shadows, log, database, healer.unhealable)


def _restoration(plan: Plan, live: Schema, healer: Healer, failed: SchemagateError) -> Restoration | None:
    """None where nothing is missing, where more than that is amiss, and where it cannot be told what was run before."""
    history, pending = healer.journal.history, {todo.migration.name for todo in plan.todo}
    partly = any(todo.first > 1 or todo.migration.name in history.past for todo in plan.todo)
    if partly or plan.accepted or plan.removed or not history.past:
        return None
    before = tuple(each for each in healer.migrations.all if each.name not in pending)
    migrations = replace(healer.migrations, all=before, snapshot=None)
    expected = Expected(migrations, None, healer.here, healer.shadows)
    try:
        expected.known = replay(migrations, healer.shadows)
        verdict = expected.against(live)
        if not verdict.differences:
            return None
        now = replace(healer, expected=expected)
        missing = {(change.kind, change.name) for change in now.promise(verdict, live).changes}
    except (ShadowUnavailable, Incomplete, Refused, ServerError):
        return None
    except Unhealable as reason:
        if isinstance(failed, RehearsalFailed):
            failed.message += (
                f" It may be right: the schema is not the one that the applied migrations build, "
                f"{told(verdict.differences)}; that is not healed, since {reason}."
            )
        failed.facts.setdefault("not_healed", str(reason))
        return None
    made = {key: each for key, each in expected.known.objects.items() if key in missing}
    return Restoration(now, verdict, replace(live, objects={**live.objects, **made}))
