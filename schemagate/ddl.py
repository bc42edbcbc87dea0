"""The DDL that turns one schema into another, in an order that works, each with what it can lose. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemagate.alters import Alteration, in_common_order, joined
from schemagate.automatic import is_automatic
from schemagate.lexer import quote
from schemagate.loading import in_load_order, settings_between, without_keys
from schemagate.programs import alterable_sequence, altered_event, altered_sequence, loadable_trigger, trigger_body
from schemagate.schema import PLACE, compare
from schemagate.steps import in_steps
from schemagate.tables import Key, quoted, table

if TYPE_CHECKING:
    from schemagate.schema import Schema, SchemaObject

# Strict, so that rows refuse what they would lose; but a zero date may be a default, as it is in texts that we compare.
OPENING = (
    "SET NAMES utf8mb4",
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION', foreign_key_checks = 1",
)
ITS_NUMBER = "the number it has come to"
ITS_TRIGGERS = "nothing by itself, but the triggers of the table act on each row that gets its value"
KEEPING_HISTORY = "SET STATEMENT system_versioning_alter_history = KEEP FOR "


@dataclass(frozen=True, slots=True)
class Change:
    """One statement: it changes `part` of an object, or the whole where that is "".

    `adds`: it makes what is not there and does nothing else. `loses` says in a few words what data it can lose, or why
    rows may refuse it; None where neither is so, as far as the two schemas tell. A unique index, check or foreign key
    that is added may be refused by rows all the same: then nothing has changed.
    `keeps`: it makes an index anew that is there, lest the server take it away for a key that comes next.
    `program` is the view, trigger, routine or event whose session the statement needs; see `script`.
    """

    kind: str
    name: str
    part: str
    sql: str
    adds: bool = False
    loses: str | None = None
    keeps: bool = False
    program: SchemaObject | None = None


def changes(wanted: Schema, found: Schema) -> tuple[Change, ...]:
    """What turns `found` into `wanted`, both of one server; run in order, and with `script` in the right session.

    Nothing for a kind that is unseen in either. Columns, indexes and tables that were given other names are dropped
    and made: two schemas do not tell of that.
    """
    return tuple(_Plan(wanted, found).all())


def script(made: Iterable[Change], collation: str) -> Iterator[tuple[Change | None, str]]:
    """Each statement with its change; None for those that only set the session, which begins as any.

    `collation` is the default of the schema where they are run.
    """
    yield from ((None, text) for text in OPENING)
    session = {"default collation": collation}
    for each in made:
        if each.program:
            yield from ((None, text) for text in settings_between(each.program, session, collation))
        elif "sql_mode" in session:
            session = {"default collation": session["default collation"]}
            yield from ((None, text) for text in OPENING)
        yield each, each.sql
    yield from ((None, text) for text in settings_between(None, session, collation) if "ALTER DATABASE" in text)


class _Plan:
    def __init__(self, wanted: Schema, found: Schema) -> None:
        unseen = wanted.unseen | found.unseen
        self._wanted = {key: each for key, each in wanted.objects.items() if key[0] not in unseen}
        self._found = {key: each for key, each in found.objects.items() if key[0] not in unseen}
        differing = {(each.kind, each.name) for each in compare(wanted, found)}
        self._added = [key for key in self._wanted if key not in self._found]
        self._dropped = [key for key in self._found if key not in self._wanted]
        self._changed = [key for key in self._wanted if key in self._found and key in differing]
        self._order = [key for each in in_load_order(wanted) if (key := (each.kind, each.name)) in self._wanted]
        self._tables = {key[1]: table(each) for key, each in self._wanted.items() if key[0] == "table"}
        self._old = {key[1]: table(each) for key, each in self._found.items() if key[0] == "table"}
        self._altered = {
            name: Alteration(self._tables[name], self._old[name]) for kind, name in self._changed if kind == "table"
        }

    def all(self) -> Iterator[Change]:
        yield from self._drop_keys()
        yield from self._drop_objects()
        yield from self._sequences()
        yield from self._alter()
        tables, keys = self._create()
        yield from tables
        yield from self._programs()
        yield from self._add_keys()
        yield from keys

    # --- foreign keys -------------------------------------------------------------------------------------------

    def _kept(self, name: str) -> set[str]:
        """The foreign keys of a table that may stay where they are all the time."""
        if name not in self._tables or name not in self._old:
            return set()
        found, wanted = self._old[name].keys, self._tables[name].keys
        return {each for each in found if each in wanted and found[each].text == wanted[each].text
                and not self._breaks(name, found[each])}  # fmt: skip

    def _breaks(self, name: str, key: Key) -> bool:
        child, parent = self._altered.get(name), self._altered.get(key.parent) if key.schema is None else None
        if key.schema is None and ("table", key.parent) in self._dropped:
            return True
        return bool((child and child.breaks(name, key.columns)) or (parent and parent.breaks(name, key.referenced)))

    def _drop_keys(self) -> Iterator[Change]:
        gone = self._tables_to_drop
        for name, old in self._old.items():
            kept = self._kept(name)
            for key in old.keys.values():
                # What goes with its table need not go before, unless another that goes would have to wait for it.
                if key.name not in kept and (name not in gone or (key.parent in gone[: gone.index(name)])):
                    yield Change("table", name, f"foreign key {key.name}",
                                 f"ALTER TABLE {quote(name)} DROP FOREIGN KEY {quote(key.name)}")  # fmt: skip

    def _add_keys(self) -> Iterator[Change]:
        for name in self._altered.keys() | (self._tables.keys() & self._old.keys()):
            kept = self._kept(name)
            for key in self._tables[name].keys.values():
                if key.name not in kept:
                    yield from self._indexes_kept(name, key)
                    yield _key_added(name, key, adds=key.name not in self._old[name].keys)

    def _indexes_kept(self, name: str, key: Key) -> Iterator[Change]:
        """Where a key with these columns went, now or before, the server may have made their index for it: the next key
        would take its place, unless it is one that a statement has made.
        """
        old, wanted = self._old[name], self._tables[name]
        went = is_automatic("key", key.name, name)  # its index has another name than the one that it gets by this
        goes = any(each.columns == key.columns for each in old.keys.values())
        for index, text in wanted.indexes.items() if went or goes else ():
            if not text.startswith("KEY ") or index == key.name:
                continue
            if old.indexes.get(index) == text and wanted.indexed[index] == key.columns:
                sql = f"ALTER TABLE {quote(name)} DROP INDEX {quote(index)}, ADD {text}"
                yield Change("table", name, f"index {index}", sql, keeps=True)

    # --- objects that go ----------------------------------------------------------------------------------------

    @property
    def _tables_to_drop(self) -> list[str]:
        """Children before their parents."""
        going = [name for kind, name in self._dropped if kind == "table"]
        parents = {name: {key.parent for key in self._old[name].keys.values()} for name in going}
        return _needed_last(going, parents)

    def _drop_objects(self) -> Iterator[Change]:
        gone = self._tables_to_drop
        for kind in ("event", "trigger", "procedure", "view"):
            for key in self._dropped:
                if key[0] == kind and not (kind == "trigger" and self._found[key].attribute("table") in gone):
                    yield _drop(*key)
        for name in gone:
            yield _drop("table", name, loses="all its rows")
        for key in self._dropped:
            if key[0] == "function":
                yield _drop(*key)
            elif key[0] == "sequence":
                yield _drop(*key, loses=ITS_NUMBER)

    # --- tables -------------------------------------------------------------------------------------------------

    def _sequences(self) -> Iterator[Change]:
        for key in self._order:
            if key[0] == "sequence" and key in self._added:
                yield Change(*key, "", self._wanted[key].create, adds=True)
            elif key[0] == "sequence" and key in self._changed:
                yield from self._sequence(key)

    def _sequence(self, key: tuple[str, str]) -> Iterator[Change]:
        create = self._wanted[key].create
        if alterable_sequence(self._found[key].create, create):
            yield Change(*key, "", altered_sequence(create), loses="numbers that the new limits do not have")
        else:
            yield _drop(*key, loses=ITS_NUMBER)
            yield Change(*key, "", create, loses=ITS_NUMBER)

    def _alter(self) -> Iterator[Change]:
        """Tables one by one; but a check that goes does so before another gets its name."""
        groups = [(name, each) for name in sorted(self._altered) for each in self._altered[name].groups()]
        early = [
            (name, each) for name, each in groups if each[0].part.startswith("check ") and each[0].sql[:4] == "DROP"
        ]
        for name, clauses in [*early, *(each for each in groups if each not in early)]:
            history = KEEPING_HISTORY if self._old[name].versioned else ""
            lost = [each.loses for each in clauses if each.loses]
            first, then = in_steps(self._tables[name], self._old[name], clauses)
            yield Change(
                "table",
                name,
                ", ".join(dict.fromkeys(each.part for each in clauses)),
                f"{history}ALTER TABLE {quote(name)} {joined(first)}",
                adds=all(each.adds for each in clauses),
                loses="; ".join(dict.fromkeys(lost)) or None,
            )
            for part, sql in then:
                acting = self._acting((name, "BEFORE UPDATE")) or self._acting((name, "AFTER UPDATE"))
                yield Change("table", name, part, sql, loses=ITS_TRIGGERS if acting else None)

    def _create(self) -> tuple[list[Change], list[Change]]:
        """The new tables, parents first; and the foreign keys that have to wait for all of them."""
        new = [name for kind, name in self._added if kind == "table"]
        parents = {name: {key.parent for key in self._tables[name].keys.values()} - {name} for name in new}
        children_first = _needed_last(new, parents)
        tables, keys, there = [], [], set(self._tables) - set(new)
        for name in reversed(children_first):
            create, mine = self._wanted["table", name].create, self._tables[name].keys.values()
            if parents[name] & set(new) - there:
                create = without_keys(create)
                keys += [_key_added(name, key, adds=True) for key in mine]
            there.add(name)
            tables.append(Change("table", name, "", create, adds=True))
        return tables, keys

    # --- programs -----------------------------------------------------------------------------------------------

    def _programs(self) -> Iterator[Change]:
        circular = self._circular_views()
        yield from (_drop("view", name) for name in sorted(circular))
        for key in self._order:
            each = self._wanted[key]
            if key[0] in ("table", "sequence", "trigger") or key not in {*self._added, *self._changed}:
                continue
            if key in self._added or (key[0] == "view" and key[1] in circular):
                yield Change(*key, "", each.create, adds=key in self._added, program=each)
            elif key[0] == "view":
                yield Change(*key, "", each.create.replace("CREATE ", "CREATE OR REPLACE ", 1), program=each)
            elif key[0] == "event":
                old = self._found[key]
                again = any(old.attribute(part) != each.attribute(part) for part in ("schedule", "time_zone"))
                yield Change(*key, "", altered_event(each.create, schedule=again), program=each)
            else:
                yield _drop(*key, program=each)
                yield Change(*key, "", each.create, program=each)
        yield from self._triggers()

    def _circular_views(self) -> set[str]:
        """Views that cannot be replaced one after the other, since what one names now named it before."""
        views = {
            name: quoted(self._wanted["view", name].create)
            | (quoted(self._found["view", name].create) if ("view", name) in self._found else frozenset())
            for kind, name in self._wanted
            if kind == "view"
        }
        needs = {name: {other for other in views if other.lower() in named and other != name}
                 for name, named in views.items()}  # fmt: skip
        circular = {name for name in views if name in _reached(name, needs)}
        return {name for kind, name in self._changed if kind == "view" and name in circular}

    def _triggers(self) -> Iterator[Change]:
        """Each where it belongs among those that act on the same table and event."""
        made = [key for key in self._order if key[0] == "trigger"]
        for event in dict.fromkeys(_event(self._wanted[key]) for key in made):
            mine = [key for key in made if _event(self._wanted[key]) == event]
            acting = [key for key in self._acting(event) if key in mine and not self._trigger_differs(key)]
            kept = in_common_order(acting, [key for key in mine if key in acting])
            for at, key in enumerate(mine):
                if key in kept:
                    continue
                each = self._wanted[key]
                if key in self._found and self._found[key].attribute("table") not in self._tables_to_drop:
                    yield _drop(*key, program=each)
                behind = next((name for kind, name in mine[at + 1 :] if (kind, name) in kept), None)
                sql = placed(each, mine[at - 1][1] if at else None, behind) if behind else each.create
                yield Change(*key, "", sql, adds=key not in self._found, program=each)

    def _acting(self, event: tuple[str | None, ...]) -> list[tuple[str, str]]:
        there = [key for key, each in self._found.items() if key[0] == "trigger" and _event(each) == event]
        return sorted(there, key=lambda key: int(self._found[key].attribute(PLACE) or 0))

    def _trigger_differs(self, key: tuple[str, str]) -> bool:
        parts = [[part for part in side[key].parts if part.name != PLACE] for side in (self._wanted, self._found)]
        return parts[0] != parts[1]


def _drop(kind: str, name: str, loses: str | None = None, program: SchemaObject | None = None) -> Change:
    return Change(kind, name, "", f"DROP {kind.upper()} {quote(name)}", loses=loses, program=program)


def _key_added(name: str, key: Key, *, adds: bool) -> Change:
    return Change("table", name, f"foreign key {key.name}", f"ALTER TABLE {quote(name)} ADD {key.text}", adds=adds)


def _needed_last(names: Sequence[str], needs: Mapping[str, Set[str]]) -> list[str]:
    """Those that others need behind these; by name where that goes in a circle."""
    waiting, done = sorted(names), []
    while waiting:
        needed = {each for name in waiting for each in needs[name] - {name}}
        free = [name for name in waiting if name not in needed] or waiting[:1]
        done += free
        waiting = [name for name in waiting if name not in free]
    return done


def _reached(name: str, needs: Mapping[str, Set[str]]) -> set[str]:
    """All that something needs, itself included where that goes in a circle."""
    reached: set[str] = set()
    more = set(needs[name])
    while more:
        reached |= more
        more = {each for one in more for each in needs[one]} - reached
    return reached


def _event(trigger: SchemaObject) -> tuple[str | None, str | None]:
    return trigger.attribute("table"), trigger.attribute("event")


def placed(trigger: SchemaObject, before: str | None, behind: str) -> str:
    """The text of a trigger that is to act behind the one, or before the other where it is the first."""
    table_name, event = _event(trigger)
    place = f"FOLLOWS {quote(before)}" if before else f"PRECEDES {quote(behind)}"
    timing, _, what = (event or "").partition(" ")
    return loadable_trigger(trigger.name, timing, what, table_name or "", f"{place} {trigger_body(trigger.create)}")
