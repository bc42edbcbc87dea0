"""The states that the migrations go through, followed in the shadow: what each statement makes, and which are live."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from schemagate.automatic import as_expected, nameless
from schemagate.hashes import Known, key_of
from schemagate.plan import Todo
from schemagate.schema import Schema, compare
from schemagate.traces import TRACED

if TYPE_CHECKING:
    from schemagate.migrations import Migration, Migrations
    from schemagate.schema import SchemaObject
    from schemagate.shadow import Shadow
    from schemagate.sql import Statement
    from schemagate.trial import NotRehearsed

ORDER = ("order", "")  # the part that is the order of a table's columns
# What follows from other parts.
DERIVED = frozenset({("attribute", "clustered index")})

PartKey = tuple[str, str]  # kind and name of a clause


@dataclass(frozen=True, slots=True)
class Effect:
    """What one statement does to one object, by its key as in `hashes`: the object `before` and `after` it."""

    migration: str
    ordinal: int
    key: str
    before: SchemaObject | None
    after: SchemaObject | None

    @property
    def parts(self) -> frozenset[PartKey]:
        """The clauses of a table that are other ones afterwards; of anything else, none are told apart."""
        if not (self.before and self.after and self.after.kind == "table"):
            return frozenset()
        old, new = parts_of(self.before), parts_of(self.after)
        changed = {part for part in old.keys() | new.keys() if old.get(part) != new.get(part)}
        return frozenset(changed - DERIVED or {ORDER})

    @property
    def clauses(self) -> frozenset[PartKey]:
        """The clauses that it changes, and all that the object has before or after it."""
        return self.parts.union(*(parts_of(each) for each in (self.before, self.after) if each))


@dataclass(frozen=True, slots=True)
class Place:
    """A place between two statements: behind `ordinal` of a migration, which may be its `end`; so many effects were
    `reached` there. `again`: what was there then of that which repeatable migrations make, too.
    """

    migration: str
    ordinal: int
    reached: int
    end: bool
    again: frozenset[str] = frozenset()


def parts_of(each: SchemaObject) -> dict[PartKey, tuple[str, ...]]:
    """The clauses of an object by kind and name."""
    found: dict[PartKey, tuple[str, ...]] = {}
    for part in each.parts:
        found[part.kind, part.name] = (*found.get((part.kind, part.name), ()), part.text)
    return found


def _once(each: SchemaObject | None) -> bool:
    """Is it an event that runs once? It is no part of a schema."""
    return each is not None and each.kind == "event" and (each.attribute("schedule") or "").startswith("AT ")


class States:
    """Looks on while all migrations are replayed, and remembers where they were equal to the live schema.

    `whole`: the shadow is read anew after each migration; else what the statements name, and what depends on that, is
    looked at after each statement. `again` is what repeatable migrations make, kinds and names in small letters: where
    that is there, it may be by theirs: its form is theirs to say, and it says something of a migration that is run once
    only if none of these drops it in the end.
    """

    def __init__(
        self,
        live: Schema,
        shadow: Shadow,
        database: str,
        *,
        whole: bool = False,
        again: Set[tuple[str, str]] = frozenset(),
    ) -> None:
        self._shadow, self._looker, self._database, self.whole = shadow, shadow.looker, database, whole
        self.folds = self._looker.folds
        self.live = Known(_nameless(live), folds=self.folds)
        self.given = live
        self.again = frozenset(
            key_of(kind, name, self.folds) for kind, name in live.objects if (kind, name.lower()) in again
        )
        self._now: dict[str, SchemaObject] = {}
        self._known = Known(Schema(), folds=self.folds)
        self._reach: frozenset[str] = frozenset()
        self._differing: set[str] = set()
        self.ever: set[str] = set()
        self.effects: list[Effect] = []
        self.equal: list[Place] = []
        self.ends: list[tuple[str, int]] = []  # of each migration: how many effects there were then
        self.last = ("", 0)
        self.collation = live.collation

    # --- following ---

    def before(self, migration: str, statement: Statement, kind: str) -> None:
        """It comes next."""
        self._reach = frozenset()
        if kind in TRACED and not self.whole:
            self._reach = self._known.reach(statement.names, kind, self._database)

    def after(self, migration: str, statement: Statement, kind: str) -> None:
        """It was run in the shadow."""
        if self._reach:
            seen = self._looker.objects(self._reach)
            self._take(migration, statement.ordinal, {key: None if _once(each) else each for key, each in seen.items()})
        if self._reach and not self._left:
            self.equal.append(self._place(migration, statement.ordinal, end=False))
        self.last = (migration, statement.ordinal)

    def end(self, migration: Migration) -> None:
        """All of its statements were tried."""
        if self.whole:
            self._take(migration.name, migration.count, self._everything())
        if not self._left:
            self.equal.append(self._place(migration.name, migration.count, end=True))
        self.ends.append((migration.name, len(self.effects)))

    def _place(self, migration: str, ordinal: int, *, end: bool) -> Place:
        return Place(migration, ordinal, len(self.effects), end, self.again & self._now.keys())

    def _everything(self) -> dict[str, SchemaObject | None]:
        found: dict[str, SchemaObject | None] = dict.fromkeys(self._now)
        for each in self._shadow.read().objects.values():
            found[key_of(each.kind, each.name, self.folds)] = each
        return found

    def _take(self, migration: str, ordinal: int, objects: Mapping[str, SchemaObject | None]) -> None:
        for key, each in objects.items():
            old, before = self._known.hash(key), self._now.get(key)
            self._known.put(key, each and nameless(each))
            new = self._known.hash(key)
            if each is None:
                self._now.pop(key, None)
            else:
                self._now[key] = each
            if old == new:
                continue
            self.ever.add(key)
            self.effects.append(Effect(migration, ordinal, key, before, each))
            if key in self.again or new == self.live.hash(key):
                self._differing.discard(key)
            else:
                self._differing.add(key)

    @property
    def _left(self) -> bool:
        """Is anything of the live schema, as far as any migration makes it, not as it is here?"""
        return bool(self._differing)

    # --- what was seen ---

    @property
    def seen(self) -> frozenset[tuple[str, int]]:
        """The statements that changed anything of the schema: migration and ordinal."""
        return frozenset((effect.migration, effect.ordinal) for effect in self.effects)

    def settle(self) -> None:
        """When all is replayed: what a later migration makes first was not there in the states before it."""
        first: dict[str, int] = {}
        for at, effect in enumerate(self.effects, start=1):
            first.setdefault(effect.key, at)
        lasting = self.again & self._now.keys()
        self.equal = [place for place in self.equal if lasting <= place.again]
        keys = {key_of(*key, self.folds) for key in self.ours().objects}
        if keys - self.ever:  # a stranger's trigger on a table of ours
            self.equal = []
        latest = max((first[key] for key in keys & self.ever), default=0)
        self.equal = [place for place in self.equal if place.reached >= latest]

    def is_exact(self) -> bool:
        """Is the schema that was followed the one that is in the shadow now?"""
        read = Known(_nameless(self._shadow.read()), folds=self.folds)
        return read.hashes(read.keys) == self._known.hashes(self._known.keys)

    def final(self) -> Schema:
        """What all migrations together build, as the repeatable ones find it: without what is theirs, and there."""
        return self._schema(self._now)

    def after_migration(self, name: str) -> Schema:
        """The schema as it is after this migration; "" is before the first."""
        reached = dict(self.ends)[name] if name else 0
        found: dict[str, SchemaObject] = {}
        for effect in self.effects[:reached]:
            if effect.after is None:
                found.pop(effect.key, None)
            else:
                found[effect.key] = effect.after
        return self._schema(found)

    def ours(self) -> Schema:
        """The live schema, as far as any migration makes it at any time, and the triggers on its tables; with the names
        that a server gave in the final state.
        """
        return as_expected(self.as_given(), self.final())

    def as_given(self) -> Schema:
        """The same with its own names."""
        found: dict[tuple[str, str], SchemaObject] = {}
        for key, each in self.given.objects.items():
            table = each.attribute("table") if each.kind == "trigger" else None
            mine = key_of("table", table, self.folds) if table else ""
            if key_of(*key, self.folds) in self.again:
                continue
            if key_of(*key, self.folds) in self.ever or mine in self.ever:
                found[key] = each
        return replace(self.given, objects=found)

    def _schema(self, objects: Mapping[str, SchemaObject]) -> Schema:
        # Under the names of the live schema, where only their spelling is another one.
        spelt = {key_of(*key, self.folds): key[1] for key in self.given.objects}
        named = (
            replace(each, name=spelt.get(key, each.name)) for key, each in objects.items() if key not in self.again
        )
        return Schema({(each.kind, each.name): each for each in named}, frozenset(), self.collation)

    def nearest(self) -> str:
        """The migration after which the live schema has the fewest things otherwise than it should be, and then the
        fewest missing; the last of several. "" is before the first.
        """
        mine = {key_of(*key, self.folds): each for key, each in self.ours().objects.items()}
        counts = {key: _distance(None, each) for key, each in mine.items()}
        best, at = ("", _total(counts)), 0
        for name, reached in self.ends:
            for effect in (each for each in self.effects[at:reached] if each.key not in self.again):
                counts[effect.key] = _distance(effect.after, mine.get(effect.key))
            at = reached
            if (total := _total(counts)) <= best[1]:
                best = name, total
        return best[0]

    def maker(self, key: str, part: PartKey | None, up_to: str) -> str:
        """The migration, of those up to this one, that last made or changed this clause; without one, that made the
        table, or made another object what it is.
        """
        reached = dict(self.ends).get(up_to, 0)
        for effect in reversed(self.effects[:reached]):
            table = effect.before and effect.after and effect.after.kind == "table"
            if effect.key == key and (part in effect.parts or not table):
                return effect.migration
        return ""


def _nameless(schema: Schema) -> Schema:
    return replace(schema, objects={key: nameless(each) for key, each in schema.objects.items()})


def _distance(wanted: SchemaObject | None, found: SchemaObject | None) -> tuple[int, int]:
    """How many clauses are otherwise than wanted, and how many are missing."""
    if wanted is None or found is None:
        return len(found.parts) if found else 0, len(wanted.parts) if wanted else 0
    sides = [Schema({(wanted.kind, found.name): replace(each, name=found.name)}) for each in (wanted, found)]
    missing = [each.found is None for each in compare(*sides)]
    return len(missing) - sum(missing), sum(missing)


def _total(counts: Mapping[str, tuple[int, int]]) -> tuple[int, int]:
    return sum(each[0] for each in counts.values()), sum(each[1] for each in counts.values())


def replayed(migrations: Migrations, states: States, shadow: Shadow) -> NotRehearsed | None:
    """Replay everything while `states` looks on. Returns the statement where it has to end, if there is one; raises
    Refused, ShadowUnavailable, Unseen.
    """

    def todo() -> Iterator[Todo]:
        for migration in migrations.all:
            yield Todo(migration, 1)
            states.end(migration)

    left_out = shadow.rehearse(todo(), states)
    return next((each for each in left_out if each.blind), None)
