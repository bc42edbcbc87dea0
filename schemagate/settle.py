"""What became of a statement that was begun and has no outcome: found by looking."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from schemagate.deciding import decide
from schemagate.errors import Pending
from schemagate.files import is_repeatable
from schemagate.hashes import Known
from schemagate.looking import Unseen
from schemagate.plan import Todo, in_doubt, mismatches
from schemagate.scratch import ShadowUnavailable
from schemagate.traces import APPLIED, NOT_APPLIED, OTHER, SAME, TRACED, UNKNOWN, Trace, found_now, told, trace_of
from schemagate.trial import NotRehearsed, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemagate.errors import SchemagateError
    from schemagate.history import Entry
    from schemagate.journal import Journal
    from schemagate.log import Log
    from schemagate.looking import Looker
    from schemagate.migrations import Migrations
    from schemagate.schema import Schema
    from schemagate.shadow import Shadows
    from schemagate.sql import Statement


@dataclass(frozen=True, slots=True)
class Finding:
    """What looking found of a statement: a verdict as in `traces`, how it is known, and the hashes behind it."""

    verdict: str
    how: str
    facts: dict[str, Any] = field(default_factory=dict)


MOST_NAMED = 10
DECIDED = {APPLIED: "has happened", NOT_APPLIED: "has not happened"}
HOW = {
    APPLIED: "what it changes is as its rehearsal left it",
    NOT_APPLIED: "what it changes is as it was before",
    SAME: "It leaves nothing in the schema by which that could be seen.",
    OTHER: "What is there now is neither what was there before nor what it makes.",
}
LOOKED = {
    APPLIED: "nothing but what it names was changed, and that was",
    OTHER: "It was not rehearsed, and more was changed than what it names.",
}
REPLAYED = {
    APPLIED: "the schema is as the migrations up to it build it",
    NOT_APPLIED: "the schema is as the migrations before it build it",
    OTHER: "The schema is neither what the migrations before it build nor what they build with it.",
}


def settle(
    journal: Journal,
    migrations: Migrations,
    looker: Looker,
    shadows: Shadows,
    log: Log,
    known: Mapping[tuple[int, int], str],
) -> None:
    """Close every entry that is in doubt, as applied or as not applied, and read the history anew.

    Under the lock, so that no such statement still runs; its text may have been changed since. `known` are outcomes
    (of entry and start) that the server told this start before it lost the connection: they count where looking does
    not tell. Raises StatementInDoubt, with all that was found, for any other.
    """
    for entry in journal.history.in_doubt:
        found = look(entry, journal, migrations, looker, shadows)
        outcome = known.get((entry.id, entry.start_id))
        if outcome and found.verdict not in DECIDED:
            found = Finding(APPLIED if outcome == "applied" else NOT_APPLIED, "the server had said so")
        else:
            found = _decided(found, entry, migrations, looker)
        if found.verdict not in DECIDED:
            raise in_doubt(entry, found.how, **found.facts)
        journal.settle(entry, "applied" if found.verdict == APPLIED else "failed", f"{found.verdict}: {found.how}")
        log.info(
            "statement.settled",
            migration=entry.migration,
            ordinal=entry.ordinal,
            line=entry.line,
            outcome=found.verdict,
            how=found.how,
        )
    if journal.history.in_doubt:
        journal.reload()


def _decided(
    found: Finding, entry: Entry, migrations: Migrations, looker: Looker, *, looks_only: bool = False
) -> Finding:
    """The finding, with what the table of rules makes of it."""
    decided = decide(entry, found.verdict, migrations, looker, looks_only=looks_only)
    return Finding(*decided, found.facts) if decided else found


def look(entry: Entry, journal: Journal, migrations: Migrations, looker: Looker, shadows: Shadows) -> Finding:
    """What there is to be seen now of a statement that was begun."""
    return seen(entry, looker) or replayed(entry, journal, migrations, looker, shadows)


def seen(entry: Entry, looker: Looker) -> Finding | None:
    """What the hashes say that the entry was begun with; None where it has none. Writes nothing.

    Of a repeatable migration nothing is asked: it is run again from its first statement, whatever has become of this.
    """
    if is_repeatable(entry.migration):
        return Finding(NOT_APPLIED, "it is of a repeatable migration, which is run again as a whole")
    trace = trace_of(entry)
    if trace is None:
        return None
    try:
        found = found_now(trace, looker)
    except Unseen as reason:
        return Finding(UNKNOWN, f"It cannot be looked at: {reason}.")
    return _finding(trace, found, HOW if trace.predicted else HOW | LOOKED)


def _finding(trace: Trace, found: dict[str, str | None], how: dict[str, str]) -> Finding:
    verdict = trace.verdict(found)
    facts = {"recorded": trace.before, "predicted": trace.predicted or {}, "found": found}
    said = how[verdict] + (_one_by_one(trace, found) if verdict == OTHER else "")
    return Finding(verdict, said, {name: told(hashes.items()) for name, hashes in facts.items()})


def _one_by_one(trace: Trace, found: dict[str, str | None]) -> str:
    """What of it is as before and what as after the statement, in a sentence for a person."""
    places: dict[str, list[str]] = {"As before": [], "as after it": [], "otherwise": []}
    for key in sorted(trace.keys):
        after = trace.predicted.get(key) if trace.predicted else None
        if trace.predicted and trace.before[key] == after == found[key]:
            continue  # it has no part in it
        place = "As before" if found[key] == trace.before[key] else "otherwise"
        places["as after it" if trace.predicted and found[key] == after else place].append(key)
    said = [f"{place}: {', '.join(keys[:MOST_NAMED])}" for place, keys in places.items() if keys]
    said[:1] = [each[:1].upper() + each[1:] for each in said[:1]]
    return f" {'; '.join(said)}." if said else ""


# --- for those who only look ---


def _would_find(entry: Entry, migrations: Migrations, looker: Looker) -> Finding:
    """What `up` would find, as far as that can be told without a shadow."""
    found = seen(entry, looker) or Finding(
        UNKNOWN, "Nothing was taken down of it, and only `schemagate up` may try it."
    )
    return _decided(found, entry, migrations, looker, looks_only=True)


def unsettled(entry: Entry, migrations: Migrations, looker: Looker) -> SchemagateError:
    """What `up` would find of an entry in doubt, as the error of `check`: Pending, or StatementInDoubt."""
    found = _would_find(entry, migrations, looker)
    if found.verdict not in DECIDED:
        return in_doubt(entry, found.how, **found.facts)
    return Pending(
        f"An earlier start ended in the middle of statement {entry.ordinal} of {entry.migration}, which "
        f"{DECIDED[found.verdict]}: {found.how}. Run `schemagate up`, which notes that and goes on; then check again.",
        pending=[entry.migration],
        migration=entry.migration,
        ordinal=entry.ordinal,
        next="schemagate up",
    )


def in_words(entry: Entry, migrations: Migrations, looker: Looker) -> str:
    """The same, in a few words for `status`."""
    found = _would_find(entry, migrations, looker)
    said = f"statement {entry.ordinal} was begun and has no outcome"
    return f"{said}; it {DECIDED[found.verdict]}, and `up` will note that" if found.verdict in DECIDED else said


# --- a start on an empty schema takes nothing down: it can be told again ---


class _Reached(Exception):
    """The statement in question was tried."""


class _Before:
    """Keeps the schema as it is before and after one statement."""

    def __init__(self, entry: Entry, looker: Looker) -> None:
        self._place, self._looker = (entry.migration, entry.ordinal), looker
        self.before_it: Schema | None = None
        self.after_it: Schema | None = None

    def before(self, migration: str, statement: Statement, kind: str) -> None:
        if (migration, statement.ordinal) == self._place:
            self.before_it = self._looker.everything()

    def after(self, migration: str, statement: Statement, kind: str) -> None:
        if (migration, statement.ordinal) == self._place:
            self.after_it = self._looker.everything()
            raise _Reached


def replayed(entry: Entry, journal: Journal, migrations: Migrations, looker: Looker, shadows: Shadows) -> Finding:
    """What the shadow says, in which all migrations up to this statement are run, as on an empty schema."""
    if entry.kind not in TRACED:
        return Finding(UNKNOWN, "What such a statement does cannot be seen in the schema.")
    if contradictions := mismatches(migrations, journal.history):
        return Finding(
            UNKNOWN, f"Nothing was taken down of it, and {contradictions[0].migration} is not as it was run."
        )
    todo = [Todo(each, 1) for each in migrations.all if not each.repeatable and each.name <= entry.migration]
    if not todo or todo[-1].migration.name != entry.migration:
        return Finding(UNKNOWN, "Nothing was taken down of it, and its file is not there.")
    try:
        shadow = shadows.get()
        seen, left_out = _Before(entry, shadow.looker), tuple[NotRehearsed, ...]()
        with suppress(_Reached, Refused):
            left_out = shadow.rehearse(todo, seen)
    except ShadowUnavailable as reason:
        return Finding(UNKNOWN, f"Nothing was taken down of it, and there is no shadow to try it in: {reason}.")
    if seen.before_it is None:
        return Finding(UNKNOWN, "Nothing was taken down of it, and what came before it cannot be run in the shadow.")
    for each in left_out:
        if (each.migration, each.ordinal) == (entry.migration, entry.ordinal):
            return Finding(UNKNOWN, f"Nothing was taken down of it, and it is not tried in the shadow: {each.reason}.")
    return _compared(seen, looker)


def _compared(seen: _Before, looker: Looker) -> Finding:
    assert seen.before_it is not None  # noqa: S101 - asked by `replayed`
    live = looker.everything()
    before, after = (Known(each, folds=looker.folds) for each in (seen.before_it, seen.after_it or seen.before_it))
    keys = before.keys | after.keys
    if hidden := {key.split(" ", 1)[0] for key in keys} & live.unseen:
        return Finding(UNKNOWN, f"It cannot be looked at: this account cannot see every {min(hidden)}.")
    trace = Trace(before.hashes(keys), after.hashes(keys))
    found = Known(live, folds=looker.folds).hashes(keys)
    finding = _finding(trace, found, HOW | REPLAYED)
    if seen.after_it is None and finding.verdict == SAME:  # it does not work as it stands now, and had no effect
        return Finding(NOT_APPLIED, REPLAYED[NOT_APPLIED], finding.facts)
    changed = [key for key in keys if len({trace.before[key], after.hash(key), found[key]}) > 1]
    facts = {name: {key: hashes[key] for key in changed} for name, hashes in finding.facts.items()}
    return Finding(finding.verdict, finding.how, facts)
