"""Going on in the middle of a file, in a new session: what of the old one is made anew, and what cannot be. Pure.

A statement that is applied is run again only if nothing but the session knows of it, and if it is certain to find what
it found: either it depends on no row, clock or chance, or nothing that lasts was done since, so that the file goes on
from there as it would have gone the first time. Everything else that the rest of the file relies on is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from schemagate.effects import Around, Effects, effects_of
from schemagate.errors import MigrationInvalid
from schemagate.lexer import quote
from schemagate.migrations import place
from schemagate.refusals import NO_SUCH_TABLE
from schemagate.wording import CURSORS, FOUND_ROWS, INSERT_ID, PREPARED, ROW_COUNT, TABLE, USER_LOCKS

if TYPE_CHECKING:
    from schemagate.migrations import Migration
    from schemagate.plan import Plan
    from schemagate.refusals import ServerError
    from schemagate.sql import Statement


@dataclass(frozen=True, slots=True)
class Resumption:
    """How the session of before is made anew: the ordinals of the applied statements to run again, in order, and then
    the `stand_ins`, empty ones for what the rest of the file does nothing with but drop.

    `insert_id_lost`: LAST_INSERT_ID() told of a row that only the old session knows.
    """

    again: frozenset[int] = frozenset()
    stand_ins: tuple[tuple[str, str], ...] = ()
    insert_id_lost: bool = False


def resumable(plan: Plan) -> Plan:
    """The plan, with what has to be run again where it goes on in the middle of a file. Raises MigrationInvalid."""
    return replace(
        plan,
        todo=tuple(
            replace(todo, resumption=resume(todo.migration, todo.first)) if todo.first > 1 else todo
            for todo in plan.todo
        ),
    )


def resume(migration: Migration, first: int) -> Resumption:
    """What has to be run again before statement `first`. Raises MigrationInvalid, naming it, where the rest of the file
    relies on what only the old session knew and nobody can know any more.
    """
    past, rest = _Past(first), None
    for statement in migration.statements():
        kind = statement.kind
        if statement.ordinal < first:
            past.add(statement, kind)
        else:
            rest = rest or _Rest(migration.file, past)
            rest.add(statement, kind)
        del statement  # before the next is read: each may be as long as memory allows
    return rest.resumption() if rest else Resumption()


def may_lack(migration: Migration, first: int, statement: Statement, error: ServerError) -> MigrationInvalid | None:
    """The error for a statement that finds no table, where the file goes on behind one that does not show what it left
    in its session: it may have been a temporary table. None where there is no such statement.
    """
    if error.errno != NO_SUCH_TABLE or first == 1:
        return None
    past = _Past(first)
    for each in migration.statements():
        if each.ordinal < first:
            past.add(each, each.kind)
        del each
    if not past.unseen:
        return None
    return MigrationInvalid(
        f"{migration.file}:{statement.line}: statement {statement.ordinal} of {migration.count} does not work, the "
        f"server says {error.errno}: {error.text}. Statement {past.unseen} is applied, in a session that is gone, "
        f"{UNSEEN}. If it left a temporary table there, make and fill it again in front of statement "
        f"{statement.ordinal}; then start again.",
        **place(migration.file, statement),
    )


@dataclass(slots=True)
class _Thing:
    """One thing that a session knows: the statements that make it anew, and by which it was made and changed last.
    `lost` says why it cannot be made anew.
    """

    needs: frozenset[int]
    made: int
    last: int
    fickle: bool = False
    lost: str = ""


@dataclass(slots=True)
class _Past:
    """What the session knew after the statements that are applied."""

    first: int
    things: dict[str, _Thing] = field(default_factory=dict)
    around: Around = field(default_factory=Around)
    ended: list[tuple[int, int]] = field(default_factory=list)  # by which statement, made by which
    unseen: int = 0  # the last statement that may have changed anything

    def add(self, statement: Statement, kind: str) -> None:
        before = dict(
            self.things
        )  # MySQL gives all values of a SET as they were before it, MariaDB one after the other
        for each in (found := effects_of(statement, kind, self.around)):
            self._take(statement.ordinal, each, before)
        self.around.after(statement, kind, found)
        if kind in ("select", "show"):
            self.things[FOUND_ROWS] = _Thing(frozenset(), statement.ordinal, statement.ordinal, lost=GONE)

    def _take(self, ordinal: int, each: Effects, before: Mapping[str, _Thing]) -> None:
        for thing in each.ends:
            if was := self.things.pop(thing, None):
                self.ended.append((ordinal, was.made))
        if each.writes or each.adds:
            self._change(ordinal, each, before)
        if each.lasting:
            for known in self.things.values():
                if known.fickle and not known.lost:
                    known.lost = CHANGED
        if each.unseen:
            self.unseen = ordinal
            for name, known in self.things.items():
                if not name.startswith("@@") and name != USER_LOCKS:
                    known.lost = known.lost or UNSEEN
                    known.last = ordinal

    def _change(self, ordinal: int, each: Effects, before: Mapping[str, _Thing]) -> None:
        read = [known[name] for name in each.reads for known in (before, self.things) if name in known]
        unknown = {FOUND_ROWS, ROW_COUNT} & each.reads or (
            self.unseen and any(name[0] == "@" and name not in self.things for name in each.reads)
        )
        for name in each.writes | each.adds:
            old = self.things.get(name) if name in each.adds else None
            sources = [*read, old] if old else read
            lost = next((source.lost for source in sources if source.lost), UNSEEN if unknown else "")
            lost = GONE if each.lasting else lost
            self.things[name] = _Thing(
                frozenset() if lost else frozenset({ordinal}).union(*(source.needs for source in sources)),
                old.made if old else ordinal,
                ordinal,
                each.fickle or any(source.fickle for source in sources),
                lost,
            )


GONE = "and that is not done again"
CHANGED = "and the same again might find something else, because statements after it are applied"
UNSEEN = "which does not show what it does to the session"


@dataclass(slots=True)
class _Rest:
    """What the rest of the file relies on."""

    file: str
    past: _Past
    fresh: set[str] = field(default_factory=set)  # what the rest gives a value itself
    needed: set[str] = field(default_factory=set)
    stand_ins: dict[str, tuple[str, str]] = field(default_factory=dict)
    begun: bool = False

    def add(self, statement: Statement, kind: str) -> None:
        if not self.begun:
            self._begin(statement, kind)
        found = effects_of(statement, kind, self.past.around)
        for each in found:
            self._require(statement, each)
        for each in found:
            self._take(each)
        self.past.around.after(statement, kind, found)
        self.fresh.add(ROW_COUNT)
        if kind in ("select", "show"):
            self.fresh.add(FOUND_ROWS)

    def _begin(self, statement: Statement, kind: str) -> None:
        """Variables of the session, locks, and user variables that triggers may read, are there for all statements."""
        self.begun = True
        before = self.past.first - 1
        self.past.things[ROW_COUNT] = _Thing(frozenset(), before, before, lost=GONE)
        given = {name for each in effects_of(statement, kind, self.past.around) for name in each.writes}
        for name, thing in self.past.things.items():
            if name.startswith("@@") or name == USER_LOCKS:
                if name not in given or not thing.lost:
                    self._need(name, statement)
            elif name.startswith("@") and not thing.lost:
                self.needed.add(name)

    def _require(self, statement: Statement, each: Effects) -> None:
        reads = (each.reads | (each.adds - {INSERT_ID})) - self.fresh
        if each.unseen:
            reads |= self.past.things.keys() - self.fresh - {INSERT_ID, FOUND_ROWS, ROW_COUNT}
        for name in sorted(reads):
            self._need(name, statement)

    def _take(self, each: Effects) -> None:
        for name in each.ends - self.fresh - self.needed:
            if name in self.past.things and name[0] != "@":
                self.stand_ins[name] = _stand_in(name)
        self.fresh |= each.writes | each.ends
        if INSERT_ID in each.adds:
            self.fresh.add(INSERT_ID)  # if it is: that shows when it is read

    def _need(self, name: str, statement: Statement) -> None:
        thing = self.past.things.get(name)
        if thing is None:
            if not self.past.unseen or name[0] != "@" or name[1] == "@":
                return
            thing = _Thing(frozenset(), self.past.unseen, self.past.unseen, lost=UNSEEN)
        if thing.lost:
            raise lost(self.file, statement, name, thing.last, thing.lost)
        self.needed.add(name)

    def resumption(self) -> Resumption:
        again = set[int]().union(*(self.past.things[name].needs for name in self.needed if name in self.past.things))
        for ordinal, made in self.past.ended:
            if made in again:
                again.add(ordinal)
        insert_id_lost = INSERT_ID in self.past.things and INSERT_ID not in self.needed
        return Resumption(frozenset(again), tuple(self.stand_ins.values()), insert_id_lost)


def _stand_in(thing: str) -> tuple[str, str]:
    if thing.startswith(TABLE):
        name = thing.removeprefix(TABLE)
        return name, f"CREATE TEMPORARY TABLE {quote(name)} (stands_in INT)"
    name = thing.removeprefix(PREPARED)
    return name, f"PREPARE {quote(name)} FROM 'DO 0'"


def lost(file: str, statement: Statement, name: str, ordinal: int, why: str) -> MigrationInvalid:
    """The refusal: `name` was made by statement `ordinal`, in a session that is gone."""
    what, remedy = _told(name)
    return MigrationInvalid(
        f"{file}:{statement.line}: {what} by statement {ordinal}, which is applied, in a session that is gone, {why}. "
        f"{remedy} in front of statement {statement.ordinal}, and start again.",
        **place(file, statement),
    )


def _told(name: str) -> tuple[str, str]:
    if name.startswith(TABLE):
        return f"the temporary table {name.removeprefix(TABLE)} was made or filled", "Make it and fill it again"
    if name.startswith(PREPARED):
        return f"{name.removeprefix(PREPARED)} was prepared", "Prepare it again"
    if name in (INSERT_ID, FOUND_ROWS, ROW_COUNT):
        return f"{name} tells what was done", "Write the value in its place, or find it by a query,"
    if name == USER_LOCKS:
        return "a lock was taken", "Take it again"
    if name == CURSORS:
        return "a handler was opened", "Open it again"
    return f"{name} was set", "Set it again"
