"""Migrations + history -> what is left, or why not. Pure: takes values, returns values."""

from __future__ import annotations

import math
from collections.abc import Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from schemagate.ahead import ahead
from schemagate.errors import HistoryMismatch, StatementInDoubt
from schemagate.files import is_repeatable
from schemagate.history import Entry, History, Past
from schemagate.migrations import Migration, Migrations

if TYPE_CHECKING:
    from schemagate.resuming import Resumption


@dataclass(frozen=True, slots=True)
class Todo:
    """What is left of one migration: its statements from `first` on; and, once that is known, how it is resumed."""

    migration: Migration
    first: int
    resumption: Resumption | None = None

    @property
    def count(self) -> int:
        """How many statements are left."""
        return self.migration.count - self.first + 1


@dataclass(frozen=True, slots=True)
class Plan:
    """What is left to run, in order, and how many migrations are applied.

    `accepted` are the edited files that a person allowed by name, each with the number of its first statements that
    count as applied as they stand now; `completed` those that ended with fewer statements than when they were begun;
    `declared` those of which the journal does not know yet what they say of older code. `newer` are applied migrations
    that come after all of ours, which say that code without them works. `removed` are the repeatable ones that were
    applied, and are no longer there.
    """

    todo: tuple[Todo, ...]
    applied: int
    accepted: tuple[tuple[Migration, int], ...] = ()
    completed: tuple[Migration, ...] = ()
    declared: tuple[Migration, ...] = ()
    newer: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def statements(self) -> int:
        """How many statements are left in all."""
        return sum(todo.count for todo in self.todo)


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One contradiction: `kind` is edited, missing or out_of_order."""

    kind: str
    migration: str
    detail: str


ALLOW = {
    "edited": "SCHEMAGATE_ALLOW_EDITED",
    "missing": "SCHEMAGATE_ALLOW_MISSING",
    "out_of_order": "SCHEMAGATE_ALLOW_OUT_OF_ORDER",
}


class Allowed(Protocol):
    """The settings with which a person allows contradictions, each by the name of the migration."""

    @property
    def allow_edited(self) -> Set[str]: ...
    @property
    def allow_missing(self) -> Set[str]: ...
    @property
    def allow_out_of_order(self) -> Set[str]: ...


def make_plan(migrations: Migrations, history: History, allow: Allowed) -> Plan:
    """What is left to run.

    Raises StatementInDoubt where an entry has no outcome, and HistoryMismatch naming every contradiction not
    allowed by name.
    """
    if history.in_doubt:
        raise in_doubt(history.in_doubt[0])
    allowed = {
        "edited": allow.allow_edited,
        "missing": allow.allow_missing,
        "out_of_order": allow.allow_out_of_order,
    }
    found = mismatches(migrations, history)
    refused = [mismatch for mismatch in found if mismatch.migration not in allowed[mismatch.kind]]
    if refused:
        raise _refusal(refused)
    edited = {mismatch.migration for mismatch in found if mismatch.kind == "edited"}
    todo, accepted, completed, declared, applied = [], [], [], [], 0
    later, behind = newer(migrations, history, allow), overtaken(migrations, history)
    for migration in migrations.all:
        past = history.past.get(migration.name)
        if migration.repeatable:
            # With a newer image's, it is that image's text that counts.
            done = (is_done(migration, past) and migration.name not in behind) or bool(later)
            applied += done
            todo += [] if done else [Todo(migration, 1)]
            continue
        first = _first_left(migration, past, migration.name in edited)
        if migration.name in edited:
            accepted.append((migration, first - 1))
        if first <= migration.count:
            todo.append(Todo(migration, first))
        else:
            applied += 1
            if past and past.applied and not past.complete and migration.name not in edited:
                completed.append(migration)
            if migration.compatible_with != history.compatible.get(migration.name):
                declared.append(migration)
    return Plan(
        tuple(todo),
        applied,
        tuple(accepted),
        tuple(completed),
        tuple(declared),
        later,
        () if later else removed(migrations, history),
    )


def newer(migrations: Migrations, history: History, allow: Allowed) -> tuple[str, ...]:
    """The applied migrations beyond ours that let our code work. One that a person allowed to be missing is none: then
    the schema is to be ours all the same.
    """
    return tuple(
        later.name
        for later in ahead(migrations, history)
        if later.wrong is None and later.name not in allow.allow_missing
    )


def is_older(migrations: Migrations, allow: Allowed, history: History) -> bool:
    """Are these files older than the database, in a way that lets their code work? Then nothing is left to run."""
    return bool(newer(migrations, history, allow))


def mismatches(migrations: Migrations, history: History) -> tuple[Mismatch, ...]:
    """Every contradiction between files and history, in the order of names. A repeatable migration may always change,
    come and go.
    """
    by_name = {migration.name: migration for migration in migrations.all if not migration.repeatable}
    known = {name for name in history.past if not is_repeatable(name)}
    newest = max((name for name in known if history.past[name].applied), default="")
    later = {each.name: each.wrong for each in ahead(migrations, history)}
    found = []
    for name in sorted(known | by_name.keys()):
        past, migration = history.past.get(name), by_name.get(name)
        if migration is None:
            if past and past.applied:
                wrong = later.get(name, f"{past.applied} statements of it are applied, the file is not there")
                found += [Mismatch("missing", name, wrong)] if wrong else []
        elif past and past.applied:
            detail = edit(migration, past)
            if detail:
                found.append(Mismatch("edited", name, detail))
        elif name < newest and migration.count and not (past and past.adopted):
            found.append(Mismatch("out_of_order", name, f"it is not applied, and {newest} is"))
    return tuple(found)


def is_done(migration: Migration, past: Past | None) -> bool:
    """Was this repeatable migration run to its end as it stands now?"""
    if past is None or not migration.count:
        return not migration.count
    return past.complete and past.applied == migration.count and migration.checksums.difference(past.checksums) is None


def overtaken(migrations: Migrations, history: History) -> frozenset[str]:
    """The repeatable migrations that are to be run again though they have not changed: another migration, which comes
    before them, has made a trigger on one of their tables since, or is about to. It would act behind theirs otherwise.
    """
    found: set[str] = set()
    made: dict[str, float] = {}  # table -> when the newest trigger on it was made, as the number of an entry
    for migration in migrations.all:
        past = history.past.get(migration.name)
        if migration.repeatable:
            done = is_done(migration, past)
        else:
            done = past is not None and (past.complete or past.applied >= migration.count)
        when = float(past.last_id) if past and done else math.inf
        if migration.repeatable and done and any(made.get(each, 0) > when for each in migration.triggered):
            found.add(migration.name)
            when = math.inf
        made |= {each: max(when, made.get(each, 0)) for each in migration.triggered}
    return frozenset(found)


def removed(migrations: Migrations, history: History) -> tuple[str, ...]:
    """The repeatable migrations that were run, at least in part, and are no longer there. What they made stays."""
    there = {migration.name for migration in migrations.all}
    return tuple(sorted(name for name, past in history.past.items() if _is_left(name, past) and name not in there))


def _is_left(name: str, past: Past) -> bool:
    return is_repeatable(name) and past.applied > 0


def edit(migration: Migration, past: Past) -> str | None:
    """What was changed in a file of which statements are applied; None where nothing that counts was.

    The statements that are applied must be there, unchanged. The rest of a file that failed may change, shrink and
    grow; a file that was applied whole may not grow.
    """
    common = min(past.applied, migration.count)
    theirs = past.checksums.first(common)
    changed = theirs and migration.first(common).difference(theirs)
    if changed:
        which = f"statement {changed[0]}" if len(changed) == 1 else f"one of statements {changed[0]} to {changed[-1]}"
        return f"{which} was changed after it was applied"
    if common < past.applied:
        return f"statement {common + 1} is applied and is no longer in the file"
    if past.complete and migration.count > past.applied:
        return f"statement {past.applied + 1} was added after the whole file was applied"
    return None


def _first_left(migration: Migration, past: Past | None, edited: bool) -> int:
    if past is None:
        return 1
    if edited and past.complete:
        return migration.count + 1
    return min(past.applied, migration.count) + 1


def _refusal(refused: list[Mismatch]) -> HistoryMismatch:
    names = "; ".join(f"{m.migration} ({m.kind.replace('_', ' ')}: {m.detail})" for m in refused)
    settings = ", ".join(
        f"{ALLOW[kind]}={','.join(m.migration for m in refused if m.kind == kind)}"
        for kind in ALLOW
        if any(m.kind == kind for m in refused)
    )
    return HistoryMismatch(
        f"Files and journal contradict each other: {names}. Put the files back as they were applied and write a new "
        f"migration for the change; or, if you know that the database is right, allow it by name: {settings}.",
        mismatches=[{"kind": m.kind, "migration": m.migration, "detail": m.detail} for m in refused],
        allow=settings,
        state="not touched",
        next="schemagate status",
    )


def in_doubt(entry: Entry, reason: str = "", ended: str = "", **facts: object) -> StatementInDoubt:
    """The error for a statement that has no outcome; in sentences, `reason` says why none was found, and `ended` how it
    came to this.
    """
    place = f"{entry.migration}:{entry.ordinal}"
    ended = ended or (
        f"An earlier start ended while statement {entry.ordinal} of {entry.migration} ({entry.kind}, line "
        f"{entry.line}) was running."
    )
    return StatementInDoubt(
        f"{ended} {reason + ' ' if reason else ''}"
        f"Look whether its effect is in the database, then say so: `schemagate resolve {place} --applied` or "
        f"`schemagate resolve {place} --not-applied`; then start again.",
        migration=entry.migration,
        ordinal=entry.ordinal,
        line=entry.line,
        statement_kind=entry.kind,
        begun_at=entry.begun_at.isoformat(sep=" "),
        **facts,
        next=f"schemagate resolve {place} --applied | --not-applied",
    )
