"""How the live schema was left, where what is pending changes rows: what is missing of it is made again before that,
not after it; and what is otherwise stops the start, since rows may come out otherwise, too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from schemagate.acting import put_back
from schemagate.decisive import decisive
from schemagate.errors import RehearsalFailed, SchemaDrift
from schemagate.expected import Expected, Incomplete, replay
from schemagate.history import triggers_made
from schemagate.kinds import DATA, OPAQUE
from schemagate.refusals import ServerError, let_pass
from schemagate.rehearse import Rehearsal, predict, rehearse
from schemagate.remedy import Unhealable, hidden_views, said
from schemagate.schema import Difference, part_of
from schemagate.scratch import ShadowUnavailable
from schemagate.trial import Refused
from schemagate.verify import as_facts, not_working, read, told

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schemagate.errors import SchemagateError
    from schemagate.expected import Verdict
    from schemagate.heal import Healer
    from schemagate.migrations import Migration
    from schemagate.plan import Plan
    from schemagate.schema import Schema
    from schemagate.sql import Statement
    from schemagate.traces import Traces
    from schemagate.verify import Live

# After one of these nobody sees any more how the schema was before.
WIPING = re.compile(r"(alter|drop|rename) ")
REPLACING = re.compile(rb"\b(replace|exists)\b", re.IGNORECASE)
# What these change, a function changes.
ASKING = frozenset({"select", "do", "set"})
# What these have read, rows may be made of later.
KEEPING = frozenset({"create table", "create temporary table", "set", "select"})
READ = re.compile(rb"\bselect\b", re.IGNORECASE)
INTO = re.compile(rb"\binto\b", re.IGNORECASE)
# The rows of a partition are those that it is defined for.
OF_PARTITION = re.compile(rb"\b(drop|truncate|exchange)\s+partition\b", re.IGNORECASE)
# Statements of MariaDB that hold others.
COMPOUND = frozenset({"if", "case", "while", "loop", "repeat", "for"})
# What a repeatable file may have made that does not any more.
OF_REPEATABLE = frozenset({"view", "trigger", "procedure", "function"})


class Place(NamedTuple):
    """Of a statement: it is the first one that changes rows."""

    migration: str
    ordinal: int


@dataclass(frozen=True, slots=True)
class Standing:
    """The `part` of a schema that some of the migrations build, held against what they build. `healer` knows that, and
    makes again what is missing.
    """

    healer: Healer
    verdict: Verdict
    part: Schema


def rehearsed(plan: Plan, before: Live, healer: Healer, *, dry: bool = False) -> tuple[Schema, Traces]:
    """The live schema and the traces of its rehearsal. Raises what `rehearse` and `heal` raise.

    Where that fails because something is missing which may be healed, it is tried with that, and then that is healed.
    So it is, too, where it would work without, and rows are changed: without a trigger, a unique index or a foreign key
    other rows come of that. Where that may not be healed, or is not missing but otherwise, or where it cannot be told
    what was missing before, that raises SchemaDrift.

    `dry`: nothing is healed, and the schema is the one that would be.
    """
    live, rehearsal, failed, place = before.schema, Rehearsal(), None, None
    try:
        rehearsal = _rehearse(plan, live, healer)
    except (RehearsalFailed, SchemaDrift) as error:
        failed = error
    else:
        if healer.journal.history.past and before.fingerprint != healer.journal.proven:
            place = _place(plan, live, rehearsal)
        if place is None:
            _tell_what_comes_last(rehearsal, healer, dry=dry)
            return live, rehearsal.traces
        _refuse_without(_gone(plan, place, live, healer))
    found = _standing(plan, {}, live, healer)
    missing = _missing(found, failed) if found and found.verdict.differences else ()
    if not found or not missing:
        if failed:
            raise failed
        if found and place:
            _refuse_other_rows(found, plan, place, live, rehearsal)
        _refuse_to_guess(rehearsal, live, healer)
        _tell_what_comes_last(rehearsal, healer, dry=dry)
        return live, rehearsal.traces
    known = found.healer.expected.known
    made = {key: each for key, each in known.objects.items() if key in missing} if known else {}
    whole = put_back(live, {**made, **hidden_views(live, known)}, known) if known else live
    traces = _rehearse(plan, whole, healer).traces
    if dry:
        changes = found.healer.promise(found.verdict, found.part).changes
        healer.log.info("healing.planned", missing=[said(change) for change in changes])
        return whole, traces
    found.healer.heal(found.verdict, found.part)
    live = read(healer.connection, healer.here).schema
    try:
        return live, _rehearse(plan, live, healer).traces
    except RehearsalFailed as failed:  # a name that a server gave may be another one now
        told = not_working(failed.facts, "What was missing was made again, and no more")
        raise RehearsalFailed(told, **{**failed.facts, "state": "what was missing is healed"}) from failed


def _tell_what_comes_last(rehearsal: Rehearsal, healer: Healer, *, dry: bool) -> None:
    """What is missing then, and would be healed behind all that is pending."""
    if dry and rehearsal.missing:
        healer.log.info("healing.planned", missing=[said(each) for each in rehearsal.missing])


def _rehearse(plan: Plan, live: Schema, healer: Healer) -> Rehearsal:
    database = healer.here.database
    return rehearse(plan, live, healer.expected, healer.shadows, healer.log, database, healer.unhealable)


def _place(plan: Plan, live: Schema, rehearsal: Rehearsal) -> Place | None:
    """Where rows are changed first, if they may be while something is not as it was left: None where the end is as it
    should be, and nothing behind that place could have brought it there.
    """
    place, functions = None, any(kind == "function" for kind, _ in live.objects)
    for todo in plan.todo:
        for statement in todo.migration.statements():
            if statement.ordinal >= todo.first:
                functions = functions or statement.kind == "create function"
                if place is None and _changes_rows(statement, functions=functions):
                    place = Place(todo.migration.name, statement.ordinal)
                if place is not None and (rehearsal.missing != () or _wipes(statement)):
                    return place
            del statement  # before the next is read: each may be as long as memory allows
    return None


def _changes_rows(statement: Statement, *, functions: bool) -> bool:
    """Does it change rows, or keep for later what it has read? `functions`: there are some, and they may."""
    kind, raw = statement.kind, statement.raw
    if kind in DATA | OPAQUE | COMPOUND or (functions and kind in ASKING):
        return True
    if kind in KEEPING and READ.search(raw):
        return kind != "select" or bool(INTO.search(raw))
    return kind == "alter table" and bool(OF_PARTITION.search(raw))


def _wipes(statement: Statement) -> bool:
    """Does nobody see after it how the schema was before?"""
    kind = statement.kind
    if kind in OPAQUE or WIPING.match(kind):
        return True
    return kind.startswith("create ") and bool(REPLACING.search(statement.raw))


# --- what was run here, and what that builds ---


def _standing(plan: Plan, done: Mapping[str, int], schema: Schema, healer: Healer) -> Standing | None:
    """A schema, held against what was run here so far, and of what is pending that which is `done`: migrations by name,
    with the number of their first statements. None where that is not known.
    """
    built = _built(plan, done, healer)
    if built is None:
        return None
    pending = [todo.migration for todo in plan.todo if todo.migration.repeatable and todo.migration.name not in done]
    anew = {key for each in pending for key in each.creates()}
    part = part_of(schema, {(kind, name) for kind, name in schema.objects if (kind, name.lower()) not in anew})
    migrations = replace(healer.migrations, all=built, snapshot=None)
    expected = Expected(migrations, None, healer.here, healer.shadows)
    try:
        expected.known = healer.expected.as_recorded(replay(migrations, healer.shadows), part)
    except (ShadowUnavailable, Incomplete, Refused, ServerError) as error:
        let_pass(error)
        return None
    verdict = expected.against(part)
    again = [each.name for each in pending if each.name in healer.journal.history.past]
    if again:
        made = any(triggers_made(healer.connection, healer.here.database, name) for name in again)
        kinds = OF_REPEATABLE if made else OF_REPEATABLE - {"trigger"}
        theirs = [each for each in verdict.differences if not each.expected and each.kind in kinds]
        verdict = replace(verdict, differences=tuple(each for each in verdict.differences if each not in theirs))
        part = part_of(part, part.objects.keys() - {(each.kind, each.name) for each in theirs})
    return Standing(replace(healer, expected=expected, pending=len(plan.todo)), verdict, part)


def _built(plan: Plan, done: Mapping[str, int], healer: Healer) -> tuple[Migration, ...] | None:
    """The migrations that were run here, the last one as far as it was; None where that is not known so.

    A repeatable one that is to be run again is none of them: nobody knows what it made last.
    """
    history, left = healer.journal.history, {todo.migration.name: todo for todo in plan.todo}
    if not history.past or history.adopting:
        return None
    built: list[Migration] = []
    for each in healer.migrations.all:
        todo = left.get(each.name)
        count = done.get(each.name, 0 if each.repeatable else todo.first - 1) if todo else each.count
        cut = _cut(each, count)
        if cut is None:
            return None
        if count:
            built.append(cut)
    return tuple(built)


def _cut(migration: Migration, count: int) -> Migration | None:
    """Its first statements; None where they are not kept in memory."""
    if count >= migration.count:
        return migration
    if migration.kept is None:
        return None if count else migration
    done = tuple(statement for statement in migration.kept if statement.ordinal <= count)
    return replace(migration, kept=done, checksums=migration.first(len(done)))


def _missing(found: Standing, failed: SchemagateError | None) -> frozenset[tuple[str, str]]:
    """What may be made again; nothing where that is not all that is amiss."""
    try:
        promised = found.healer.promise(found.verdict, found.part)
    except (ShadowUnavailable, Incomplete, Refused, ServerError) as error:
        let_pass(error)
        return frozenset()
    except Unhealable as reason:
        if isinstance(failed, RehearsalFailed):
            failed.message += (
                f" It may be right: the schema is not the one that the applied migrations build, "
                f"{told(found.verdict.differences)}; that is not healed, since {reason}."
            )
        if failed:
            failed.facts.setdefault("not_healed", str(reason))
        return frozenset()
    return frozenset((change.kind, change.name) for change in promised.changes)


# --- what stops a start ---


def _refuse_other_rows(found: Standing, plan: Plan, place: Place, live: Schema, rehearsal: Rehearsal) -> None:
    """Raise SchemaDrift where something decides what becomes of rows, is not as it was left, and is still not where the
    first of them are changed. Where the end is not known, only what is missing counts: what is otherwise may be so
    there.
    """
    amiss = decisive(found.verdict.differences, live, rehearsal.end or live)
    if not amiss or _put_right(found, plan, place, live, rehearsal):
        return
    raise SchemaDrift(
        f"The live schema is not the one that the applied migrations build: {told(amiss)}. {place.migration} changes "
        "rows, which may come out otherwise for that, before it is put right. Nothing was changed. Take the change "
        "back that was made by hand, or write a migration that does and comes first; then start again.",
        differences=as_facts(amiss),
        migration=place.migration,
        not_healed=found.healer.unhealable(found.verdict, found.part),
        state="not touched",
    )


def _put_right(found: Standing, plan: Plan, place: Place, live: Schema, rehearsal: Rehearsal) -> bool:
    """Does what is pending put it right before it changes rows?"""
    first, done = list(plan.todo), dict[str, int]()
    for at, todo in enumerate(plan.todo):
        count = place.ordinal - 1 if todo.migration.name == place.migration else todo.migration.count
        cut = _cut(todo.migration, count)
        if cut is None:
            return False
        if count >= todo.first:
            done[todo.migration.name] = count
        if todo.migration.name == place.migration:
            first = [*plan.todo[:at], *([replace(todo, migration=cut)] if count >= todo.first else [])]
            break
    if not first:
        return False
    healer = found.healer
    try:
        there, left_out, _ = predict(replace(plan, todo=tuple(first)), live, healer.shadows, healer.here.database)
    except (ShadowUnavailable, RehearsalFailed, ServerError) as error:
        let_pass(error)
        return False
    then = None if any(each.blind for each in left_out) else _standing(plan, done, there, healer)
    return then is not None and not decisive(then.verdict.differences, there, rehearsal.end or there)


def _gone(plan: Plan, place: Place, live: Schema, healer: Healer) -> list[Difference]:
    """Triggers that a repeatable migration made which is to be run again, but after rows are changed. What they did,
    nobody knows; that some are gone shows in how many it made.
    """
    reached, gone = False, list[Difference]()
    for todo in plan.todo:
        reached = reached or todo.migration.name == place.migration
        name = todo.migration.name
        if not (reached and todo.migration.repeatable and name in healer.journal.history.past):
            continue
        wanted = {name for kind, name in todo.migration.creates() if kind == "trigger"}
        there = {name.lower() for kind, name in live.objects if kind == "trigger"}
        others = {key for each in healer.migrations.all if each.name != name for key in each.creates()}
        own = {each for each in there if ("trigger", each) not in others}
        if wanted - there and len(own) < triggers_made(healer.connection, healer.here.database, name):
            gone += [Difference("trigger", each, "", f"made by {todo.migration.file}", None) for each in wanted - there]
    return sorted(gone, key=lambda each: each.name)


def _refuse_to_guess(rehearsal: Rehearsal, live: Schema, healer: Healer) -> None:
    """Raise SchemaDrift where it is not known how the schema was left, and will lack in the end what decides."""
    if not healer.journal.history.adopting:
        _refuse_without(decisive(rehearsal.missing or (), live, None))


def _refuse_without(missing: Sequence[Difference]) -> None:
    if missing:
        raise SchemaDrift(
            f"The live schema lacks what it should have: {told(missing)}. What is pending changes rows, which may come "
            "out otherwise without that, and it cannot be told here how it was before. Nothing was changed. Make it by "
            "hand, or have the migration make it before rows are changed; then start again.",
            differences=as_facts(missing),
            not_healed="it would be made again too late for the rows that are changed before",
            state="not touched",
        )
