"""Before the live schema is touched: will it work, and will it end where it should?"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from schemagate.errors import MigrationInvalid, RehearsalFailed, SchemaDrift
from schemagate.implied import left_to_keys, to_servers
from schemagate.isolation import needed
from schemagate.refusals import ServerError, let_pass
from schemagate.resuming import may_lack
from schemagate.scratch import ShadowUnavailable
from schemagate.shadow import Shadow, Shadows
from schemagate.traces import Follower
from schemagate.trial import NotRehearsed, Refused
from schemagate.verify import as_facts, by_a_default, refuse_stale, rehearsal_failed, told

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from schemagate.errors import SchemagateError
    from schemagate.expected import Expected, Verdict
    from schemagate.implied import Index
    from schemagate.log import Log
    from schemagate.plan import Plan
    from schemagate.schema import Difference, Schema, SchemaObject
    from schemagate.traces import Traces


CLAUSE_BY_CLAUSE = frozenset({"text", "shadow", "replay"})


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What was found: the trace that each statement will leave in live, as far as that is known; what will be missing
    afterwards, and can be healed: None where not every clause could be followed to the end; and the schema in the end.
    """

    traces: Traces = field(default_factory=dict)
    missing: tuple[Difference, ...] | None = None
    end: Schema | None = None


def rehearse(
    plan: Plan,
    live: Schema,
    expected: Expected,
    shadows: Shadows,
    log: Log,
    database: str,
    unhealable: Callable[[Verdict, Schema], str | None],
) -> Rehearsal:
    """Run what is pending in the shadow, on a copy of the structure of what it names. The live schema is not touched.

    Raises SnapshotStale, RehearsalFailed, or SchemaDrift where live and pending together would not be the schema
    expected: unless it can be healed afterwards, where `unhealable` says nothing against it.
    """
    refuse_stale(expected, log, touched=False)
    began = time.monotonic()
    try:
        predicted, left_out, traces = predict(plan, live, shadows, database)
    except ShadowUnavailable as reason:
        log.warning("rehearsal.skipped", reason=str(reason))
        return Rehearsal()
    except RehearsalFailed as failed:
        raise _by_kept_indexes(plan, live, expected, shadows, database) or failed from failed
    for each in left_out:
        log.info(
            "statement.not_rehearsed",
            migration=each.migration,
            ordinal=each.ordinal,
            line=each.line,
            reason=each.reason,
        )
    log.info(
        "rehearsal.passed",
        statements=(tried := _reached(plan, left_out) - len(left_out)),
        not_rehearsed=plan.statements - tried,
        elapsed_seconds=round(time.monotonic() - began, 3),
    )
    if any(each.blind for each in left_out):
        return Rehearsal(traces)
    verdict = expected.against(predicted)
    if verdict.differences:
        not_healed = unhealable(verdict, predicted)
        if not_healed is not None:
            wrong = {each.name for each in verdict.differences if each.kind == "table"}
            if kept := _by_kept_indexes(plan, live, expected, shadows, database, wrong):
                raise kept
            mend = "Take the change back that was made by hand, or write a migration that makes it"
            pending = {todo.migration.file for todo in plan.todo}
            if again := [file for file in expected.makers(verdict.differences) if file not in pending]:
                mend += f"; or, if it has to follow what is pending, change {' and '.join(again)}, too, to be run again"
            raise SchemaDrift(
                "The live schema would not be the one expected, even with what is pending: "
                f"{told(verdict.differences)}. Nothing was changed. {mend}; then start again."
                + by_a_default(verdict.differences),
                differences=as_facts(verdict.differences),
                not_healed=not_healed,
                state="not touched",
            )
    return Rehearsal(traces, verdict.differences if verdict.proof in CLAUSE_BY_CLAUSE else None, predicted)


def _by_kept_indexes(
    plan: Plan, live: Schema, expected: Expected, shadows: Shadows, database: str, wrong: Collection[str] = ()
) -> SchemaDrift | None:
    """The error where nothing would stand against the plan, had the server made the indexes that foreign keys need: it
    takes such a one away when another does for the key. One that is asked for stays, and a dump asks for all of them.

    `wrong` are the tables that would come out otherwise.
    """
    kept: list[tuple[SchemaObject, Index]] = []
    try:
        predicted, left_out, _ = predict(plan, live, shadows, database, kept)
    except (RehearsalFailed, MigrationInvalid, ShadowUnavailable):
        return None
    if not kept or any(each.blind for each in left_out) or expected.against(predicted).differences:
        return None
    theirs = [(each, index) for each, index in kept if each.name in wrong]
    ways = ((some, [*_to_servers(some)]) for some in (theirs, kept) if some)
    some, ddl = next((way for way in ways if _leads_on(way[1], plan, live, expected, shadows, database)), (kept, []))
    named = " and ".join(f"index {index.name} of table {each.name}" for each, index in some)
    how = "the statements given do that" if ddl else "drop the key and its index, and add the key again"
    return SchemaDrift(
        f"What is pending would not end as it does elsewhere, since here somebody asked for {named}, as every dump "
        "does: it stays, while one that the server makes for a foreign key goes when another does for the key. Nothing "
        f"was changed. Let the server make it ({how}), then start again.",
        ddl=[{"loses": "nothing", "sql": sql} for sql in ddl] or None,
        state="not touched",
    )


def _to_servers(kept: Collection[tuple[SchemaObject, Index]]) -> Iterator[str]:
    tables = {each.name: each for each, _ in kept}
    for name, table in tables.items():
        yield from to_servers(table, [index for each, index in kept if each.name == name])


def _leads_on(
    ddl: Sequence[str], plan: Plan, live: Schema, expected: Expected, shadows: Shadows, database: str
) -> bool:
    """Does the plan end as it should behind these statements? Tried in the shadow."""
    try:
        shadow, before = copied_as_live(shadows, live, database, whole=True)
        for text in ddl:
            shadow.connection.run(text)
        left_out = shadow.rehearse(plan.todo)
        predicted = _merged(live, before, shadow.read())
    except (ServerError, Refused, ShadowUnavailable):
        return False
    return not any(each.blind for each in left_out) and not expected.against(predicted).differences


def _reached(plan: Plan, left_out: tuple[NotRehearsed, ...]) -> int:
    """How many statements the rehearsal came to: it ends with one on which what follows may depend."""
    reached = 0
    for todo in plan.todo:
        for each in left_out:
            if each.blind and each.migration == todo.migration.name:
                return reached + each.ordinal - todo.first + 1
        reached += todo.count
    return reached


def predict(
    plan: Plan, live: Schema, shadows: Shadows, database: str, kept: list[tuple[SchemaObject, Index]] | None = None
) -> tuple[Schema, tuple[NotRehearsed, ...], Traces]:
    """The schema after the plan, what of it could not be rehearsed, and the trace of each statement. First on a copy of
    what the plan names; where that is refused or cannot be made, on a copy of everything. `kept` as for
    `left_to_keys`. Raises ShadowUnavailable, RehearsalFailed.
    """
    part = needed(live, plan.todo)
    while True:
        whole = len(part.objects) == len(live.objects)
        try:
            shadow, before = copied_as_live(shadows, part, database, whole=whole, kept=kept)
            follower = Follower(live, before, shadow, database)
            left_out = shadow.rehearse(plan.todo, follower)
        except (Refused, ShadowUnavailable) as reason:
            if not whole:
                part = live
                continue
            if isinstance(reason, Refused):
                raise _failed(plan, reason) from reason
            raise
        return _merged(live, before, shadow.read()), left_out, follower.traces


def _failed(plan: Plan, refused: Refused) -> SchemagateError:
    first = next(todo.first for todo in plan.todo if todo.migration.name == refused.migration.name)
    lacks = may_lack(refused.migration, first, refused.statement, refused.error)
    return lacks or rehearsal_failed(refused)


def copied_as_live(
    shadows: Shadows,
    part: Schema,
    database: str,
    *,
    whole: bool,
    asked: Collection[str] = (),
    kept: list[tuple[SchemaObject, Index]] | None = None,
) -> tuple[Shadow, Schema]:
    """The structure of a part of the live schema (which may be the `whole`) in the shadow, where the indexes that the
    server made for keys are its own, if that can be had (see `left_to_keys`). Raises ShadowUnavailable where it cannot
    be copied.
    """
    plain = set[tuple[str, str]]()  # the tables for which it cannot be had
    while True:
        shadow = shadows.get()
        if kept is not None:
            kept.clear()
        made, then = left_to_keys(part, shadow.connection, database, whole=whole, asked=asked, kept=kept, plain=plain)
        if made is part:
            return shadow, copied(shadow, part)
        changed = {key for key, each in made.objects.items() if each.create != part.objects[key].create}
        try:
            copy = shadow.load(made, then)
        except ServerError:
            plain |= changed
            continue
        others = {key for key in changed if _keys(copy.objects[key]) != _keys(made.objects[key])}
        if not others:
            return shadow, copy
        plain |= others


def _keys(table: SchemaObject) -> dict[tuple[str, str], str]:
    return {(part.kind, part.name): part.text for part in table.parts if part.kind in ("index", "key")}


def copied(shadow: Shadow, part: Schema) -> Schema:
    """The structure of a part of the live schema, in the shadow. Raises ShadowUnavailable where that cannot be."""
    try:
        return shadow.load(part)
    except ServerError as error:
        let_pass(error)
        raise ShadowUnavailable(f"the live structure cannot be copied ({error.errno}: {error.text})") from error


def _merged(live: Schema, before: Schema, after: Schema) -> Schema:
    """Live, with what the rehearsal changed. What it did not change is taken from live, not from the copy."""
    objects = dict(live.objects)
    for key in before.objects.keys() - after.objects.keys():
        objects.pop(key, None)
    for key, found in after.objects.items():
        if before.objects.get(key) != found or key not in objects:
            objects[key] = found
    return replace(live, objects=objects)
