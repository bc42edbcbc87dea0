"""The trace that a statement leaves: hashes of what it can change, before it, and as its rehearsal left them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from schemagate.files import is_repeatable
from schemagate.hashes import Known, hash_of
from schemagate.isolation import PREPARED, WITHOUT_STRUCTURE, inside
from schemagate.kinds import STRUCTURE
from schemagate.looking import Looker, Unseen
from schemagate.rules import REFUSE, WITNESS, rule_without_trace, runs_once

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemagate.history import Entry
    from schemagate.schema import Schema, SchemaObject
    from schemagate.shadow import Shadows
    from schemagate.sql import Statement

Hashes = Mapping[str, str | None]

TRACED = frozenset(kind for kind in STRUCTURE if "temporary" not in kind)
# A start on an empty schema can be told again in the shadow, up to the first statement of another kind.
REPLAYABLE = STRUCTURE | PREPARED | WITHOUT_STRUCTURE | {"set"}
REST = "*"  # the key of one hash of all that the statement cannot change
ROWS = "?"  # the key of what `witness` notes

# UNKNOWN is for those who cannot look.
NOT_APPLIED, APPLIED, SAME, OTHER, UNKNOWN = "not applied", "applied", "same", "other", "unknown"


@dataclass(frozen=True, slots=True)
class Trace:
    """Hashes by key, None for what is not there: `before` the statement, and as its rehearsal predicts them.

    Not rehearsed: `predicted` is None, or empty for a statement that need not change any of them, and drops none.
    """

    before: Hashes
    predicted: Hashes | None

    @property
    def keys(self) -> frozenset[str]:
        """What to look at."""
        return frozenset(self.before) - {REST}

    def verdict(self, found: Hashes) -> str:
        """What `found` says: APPLIED, NOT_APPLIED, SAME (it looks the same before and after), or OTHER: neither."""
        changed = any(found[key] != self.before[key] for key in self.keys)
        if not self.predicted:
            if not changed:
                return NOT_APPLIED if self.predicted is None else SAME
            lost = self.predicted is not None and any(self.before[key] and not found[key] for key in self.keys)
            return OTHER if lost or found.get(REST) != self.before.get(REST) else APPLIED
        if not changed:
            return SAME if self.predicted == self.before else NOT_APPLIED
        return APPLIED if all(found[key] == self.predicted[key] for key in self.keys) else OTHER


Traces = Mapping[tuple[str, int], Trace]  # by migration and ordinal


def trace_of(entry: Entry) -> Trace | None:
    """The trace that was taken down with an entry; None where there is none."""
    before = json.loads(entry.hashes_before or "{}")
    before.pop(ROWS, None)
    return Trace(before, json.loads(entry.hashes_after) if entry.hashes_after else None) if before else None


def with_trace(entry: Entry, trace: Trace) -> Entry:
    """The entry, to be begun with this trace."""
    after = None if trace.predicted is None else _json(trace.predicted)
    return entry._replace(hashes_before=_json(trace.before), hashes_after=after)


def found_now(trace: Trace, looker: Looker) -> dict[str, str | None]:
    """The hashes of the same objects as they are now. Raises Unseen where that cannot be told."""
    whole = not trace.predicted
    objects = looker.objects(trace.keys)
    found = {key: hash_of(each, whole=whole) if each else None for key, each in objects.items()}
    if REST in trace.before:
        found[REST] = Known(looker.everything(), folds=looker.folds).rest(trace.keys)
    return found


def _json(hashes: Hashes) -> str:
    return json.dumps(hashes, ensure_ascii=False, sort_keys=True)


class Copy(Protocol):
    """The shadow, as far as following it needs it."""

    @property
    def looker(self) -> Looker: ...

    def as_given(self, each: SchemaObject, /) -> SchemaObject:
        """What an object in the shadow stands for."""
        ...


class Follower:
    """Follows a rehearsal, and notes for each statement what it changed: the traces to be begun with on live.

    What live will be before a statement is known from how it was, and from what those before it changed.
    """

    def __init__(self, live: Schema, copy: Schema, shadow: Copy, database: str) -> None:
        """`copy` is what was loaded into the shadow, in the words of live."""
        self._looker, self._shadow, self._database = shadow.looker, shadow, database
        self._live, self._copy = (Known(each, folds=self._looker.folds) for each in (live, copy))
        self._reach: frozenset[str] = frozenset()
        self.traces: dict[tuple[str, int], Trace] = {}

    def before(self, migration: str, statement: Statement, kind: str) -> None:
        """It comes next."""
        self._reach = self._copy.reach(statement.names, kind, self._database) if kind in TRACED else frozenset()

    def after(self, migration: str, statement: Statement, kind: str) -> None:
        """It was run in the shadow."""
        if not self._reach:
            return
        before, live = (known.hashes(self._reach, whole=False) for known in (self._copy, self._live))
        try:
            objects = self._looker.objects(self._reach)
        except Unseen:
            return
        given = {key: each and self._shadow.as_given(each) for key, each in objects.items()}
        for key, each in given.items():
            self._copy.put(key, each)
        after = self._copy.hashes(self._reach, whole=False)
        standing_in = {key for key in self._reach if given[key] is not objects[key]}
        alike = {key for key in self._reach - standing_in if before[key] == live[key]}
        for key in self._reach:
            if before[key] != after[key]:
                self._live.put(key, objects[key])
        if alike and all(before[key] == after[key] for key in self._reach - alike) and not runs_once(statement, kind):
            self.traces[migration, statement.ordinal] = Trace(
                {key: live[key] for key in alike}, {key: after[key] for key in alike}
            )


class Tracer:
    """Gives each statement that is about to be begun on live its trace, at no more cost than it takes."""

    def __init__(
        self,
        looker: Looker,
        database: str,
        live: Schema,
        rehearsed: Traces,
        shadows: Shadows | None,
    ) -> None:
        """`shadows`: this start builds everything from nothing. While that can be told again in a shadow, after a
        crash, nothing is asked now.
        """
        self._looker, self._database, self._rehearsed, self._shadows = looker, database, rehearsed, shadows
        self._first: Schema | None = live
        self._known: Known | None = None
        self._stale: set[str] = set()

    def meet(self, kind: str) -> None:
        """A statement of this kind comes next, whether it is begun or not."""
        if kind not in REPLAYABLE:
            self._shadows = self._known = self._first = None

    def begin(self, entry: Entry, statement: Statement) -> Entry:
        """The entry with a trace; without one where there is none, or none is needed."""
        kind = entry.kind
        if is_repeatable(entry.migration):  # it is run again as a whole, and what is here now is of no use any more
            self._shadows = self._known = self._first = None
            return entry
        if kind not in TRACED or runs_once(statement, kind):
            return entry
        trace = self._rehearsed.get((entry.migration, entry.ordinal))
        if trace is not None:
            self._known = self._first = None  # to be read again, if there is one that was not rehearsed
            return with_trace(entry, trace)
        if self._is_replayable(statement):
            return entry
        try:
            trace = self._looked(statement, kind)
        except Unseen:
            self._known = None
            return entry
        return with_trace(entry, trace) if trace else entry

    def _is_replayable(self, statement: Statement) -> bool:
        if self._shadows is None:
            return False
        reason = inside(statement, self._database, "shadow")[1] if b"." in statement.raw else None
        if reason is None and self._shadows.possible(self._looker):
            self._first = None
            return True
        self._shadows = None
        return False

    def _looked(self, statement: Statement, kind: str) -> Trace | None:
        known = self._up_to_date()
        keys = known.reach(statement.names, kind, self._database)
        self._stale |= keys
        if self._reads_otherwise(statement):
            self._known = None  # it may change what it names in a way that we do not see
            return None
        if not keys:
            return None
        if kind.startswith("drop ") and kind != "drop index":  # all of it is known, and MariaDB may do a part of it
            gone = known.with_triggers(statement.names, kind, self._database)
            return Trace(known.hashes(gone, whole=False), dict.fromkeys(gone))
        blind = _may_look_the_same(statement, kind, known, self._looker.flavour)
        return Trace({**known.hashes(keys), REST: known.rest(keys)}, {} if blind else None)

    def _up_to_date(self) -> Known:
        if self._known is None:
            schema = self._looker.everything() if self._first is None else self._first
            self._known, self._first = Known(schema, folds=self._looker.folds), None
        elif self._stale:
            for key, each in self._looker.objects(self._stale).items():
                self._known.put(key, each)
        self._stale = set()
        return self._known

    def _reads_otherwise(self, statement: Statement) -> bool:
        """May a name stand where we see a string?"""
        return b'"' in statement.raw and self._looker.has_other_quotes


def _may_look_the_same(statement: Statement, kind: str, known: Known, flavour: str) -> bool:
    """May it have been applied, and nothing to be seen of it that counts, and is it more than harmless to repeat?"""
    if rule_without_trace(statement, kind, flavour).kind not in (WITNESS, REFUSE):
        return False
    return kind != "rename table" or known.swaps([each.name for each in statement.names])


def told(hashes: Iterable[tuple[str, str | None]]) -> dict[str, str]:
    """Hashes as facts of a log line."""
    return {key: value or "absent" for key, value in hashes}
