"""Where a database stands that was migrated without us, and what is to be done with each migration. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schemagate.additions import ADDABLE, ADDING, THERE, WHOLE, Additions
from schemagate.hashes import hash_of, key_of
from schemagate.schema import said
from schemagate.states import DERIVED, ORDER, parts_of
from schemagate.tables import table
from schemagate.widening import column

if TYPE_CHECKING:
    from schemagate.contents import Contents, Data
    from schemagate.migrations import Migration, Migrations
    from schemagate.schema import Difference, Schema, SchemaObject
    from schemagate.states import Effect, PartKey, States

EXACT = "baseline: the schema was exactly that after this migration"
IN_THE_MIDDLE = "baseline: the schema was exactly that after the last of these statements"
# The part that stands for an object as a whole.
ITSELF: PartKey = ("", "")


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is written into the journal without running anything: the first `count` statements of each migration as
    applied, with a note on how that is known; and, by name, how others are to be adopted.
    """

    applied: tuple[tuple[Migration, int, str], ...] = ()
    ways: Mapping[str, str] = field(default_factory=dict)
    skipped: tuple[Data, ...] = ()


# --- it is exactly as after a migration -----------------------------------------------------------------------------


def candidates(states: States, migrations: Migrations, known: Mapping[str, Contents]) -> list[str]:
    """The migrations after which the schema is the live one. Of those that nothing lasting parts, the last alone."""
    names, seen = [each.name for each in migrations.all], states.seen
    found: list[str] = []
    for name in (place.migration for place in states.equal if place.end):
        between = names[names.index(found[-1]) + 1 : names.index(name) + 1] if found else ()
        if found and not any(
            (each, ordinal) in seen or ordinal not in known[each].plain
            for each in between
            for ordinal in known[each].lasting
        ):
            found.pop()
        found.append(name)
    return found


def up_to(migrations: Migrations, last: str, note: str = EXACT) -> Baseline:
    """The baseline of a database that is as after this migration."""
    return Baseline(tuple((each, each.count, note) for each in migrations.all if each.name <= last))


def in_the_middle(states: States, migrations: Migrations, known: Mapping[str, Contents]) -> Baseline | None:
    """The baseline of one that is exactly as in the middle of a migration; None if that is not certain.

    Nor where rows would be changed by what is left of that file, or by a later one that makes nothing: it may as well
    be that all was run, and something has been dropped since.
    """
    places = [place for place in states.equal if not place.end]
    if len(places) != 1:
        return None
    (place,) = places
    following = {(effect.migration, effect.ordinal) for effect in states.effects[place.reached :]}
    if (place.migration, place.ordinal + 1) not in following:  # what comes next does not show
        return None
    makes = {effect.migration for effect in states.effects}
    for name, contents in known.items():
        left = place.ordinal if name == place.migration else 0 if name > place.migration and name not in makes else None
        if left is not None and any(each.ordinal > left for each in contents.data):
            return None
    before = tuple((each, each.count, IN_THE_MIDDLE) for each in migrations.all if each.name < place.migration)
    this = next(each for each in migrations.all if each.name == place.migration)
    return Baseline((*before, (this, place.ordinal, IN_THE_MIDDLE)))


# --- it lacks what can be added ------------------------------------------------------------------------------------


def in_the_way(differences: Iterable[Difference]) -> list[Difference]:
    """The differences that no addition brings: what is there in another form, and what should not be there."""
    differences = list(differences)
    lacking = {each.name for each in differences if each.found is None}
    return [each for each in differences if not _addable(each, lacking)]


def _addable(each: Difference, lacking: set[str]) -> bool:
    if each.part == said(*next(iter(DERIVED))):  # it follows from indexes, of which some may be missing
        return each.name in lacking
    kind = "key" if each.part.startswith("foreign key ") else each.part.partition(" ")[0]
    return each.found is None and (not each.part or each.part == "primary key" or kind in ADDABLE)


def elsewhere(states: States, final: Schema) -> Iterator[tuple[str, str]]:
    """The tables that are missing and may be there under another name: one that no migration makes has exactly their
    columns, as they are after some migration. Each with that name.
    """
    ours, forms = states.ours().objects, dict[str, list[Mapping[str, str]]]()
    for effect in states.effects:
        if effect.after and effect.after.kind == "table":
            forms.setdefault(effect.key, []).append(table(effect.after).columns)
    strangers = [table(each) for key, each in states.given.objects.items() if key[0] == "table" and key not in ours]
    for kind, name in final.objects.keys() - ours.keys() if strangers else ():
        for stranger in strangers if kind == "table" else ():
            if stranger.columns in forms[key_of(kind, name, states.folds)]:
                yield name, stranger.name


class Undecided(Exception):
    """Migrations of which nothing can be seen: whether they were run is for a person to say."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(", ".join(names))
        self.names = names


def lacking(
    states: States, migrations: Migrations, final: Schema, known: Mapping[str, Contents], once: Set[str] = frozenset()
) -> Baseline:
    """How each migration is adopted where all that is missing of `final` can be added. `once`: the events that run once
    and are there. Raises Undecided.
    """
    unseen = _unseen(states, migrations, final, known)
    if unseen:
        raise Undecided(unseen)
    whole = _whole(states, migrations, final, known, once)
    additions = Additions(states, final)
    ways: dict[str, str] = {}
    applied: list[tuple[Migration, int, str]] = []
    skipped: list[Data] = []
    for migration in migrations.all:
        if migration.name in whole:
            ways[migration.name] = WHOLE
            continue
        skipped += known[migration.name].data
        if additions.adds(migration):
            ways[migration.name] = ADDING
        elif migration.count:
            applied.append((migration, migration.count, THERE))
    return Baseline(tuple(applied), ways, tuple(skipped))


def _unseen(states: States, migrations: Migrations, final: Schema, known: Mapping[str, Contents]) -> tuple[str, ...]:
    """The migrations that do something lasting and nothing that shows in the end. Not those that do nothing else than
    make, change or drop what is not there in the end, under that name: whether they were run makes no difference.
    """
    keys = {key_of(*key, states.folds) for key in final.objects} | states.again
    before, after = dict[tuple[str, str], str](), dict[tuple[str, str], str]()
    for effect in states.effects:
        before.setdefault((effect.migration, effect.key), hash_of(effect.before) if effect.before else "")
        after[effect.migration, effect.key] = hash_of(effect.after) if effect.after else ""
    shows = {place[0] for place in after if place[1] in keys and before[place] != after[place]}
    seen = states.seen

    def hidden(name: str) -> bool:
        each = known[name]
        return bool(each.data) or any((name, ordinal) not in seen for ordinal in {*each.lasting} - each.plain)

    return tuple(each.name for each in migrations.all if each.name not in shows and hidden(each.name))


def _whole(
    states: States, migrations: Migrations, final: Schema, known: Mapping[str, Contents], once: Set[str]
) -> set[str]:
    """The migrations that are run as they are: nothing of what they change is there, nor of what others change that
    change the same; among these is one with data statements; and a table or column is missing, which may have held what
    these are for. Not where one changes, moves or drops what is there.
    """
    live = {key_of(*key, states.folds): each for key, each in states.ours().objects.items()}
    ends = {key_of(*key, states.folds): each for key, each in final.objects.items()}
    there = {(key, part) for key, each in live.items() for part in (*parts_of(each), ORDER, ITSELF)}
    there |= {(key, ITSELF) for key in states.again}
    in_the_end = {(key, ITSELF) for key in ends} | {
        (key, part) for key, each in ends.items() if key in live for part in parts_of(each)
    }
    touched: dict[str, set[tuple[str, PartKey]]] = {}
    for effect in states.effects:
        touched.setdefault(effect.migration, set()).update(_touched(effect, effect.key in live))
    found: set[str] = set()
    for group in _groups(touched):
        parts = set().union(*(touched[name] for name in group))
        held = any(_holds(ends[key], part) for key, part in parts & in_the_end)
        data = any(known[name].data for name in group)
        free = not parts & there and not any(known[name].once & once for name in group)
        if held and data and free and all(_only_adds(name, states, known[name], live) for name in group):
            found |= group
    return found


def _holds(each: SchemaObject, part: PartKey) -> bool:
    """Is it a table, or a column of one that is not computed?"""
    if each.kind != "table" or part == ITSELF:
        return each.kind == "table"
    return part[0] == "column" and not column(parts_of(each)[part][0]).generated


def _only_adds(name: str, states: States, contents: Contents, live: Mapping[str, SchemaObject]) -> bool:
    """Do the statements of a migration that change the structure leave all that is there as it is? What they show to
    change is not there: that is known.
    """
    there = {each.lower() for _, each in states.given.objects}
    columns = {each.lower() for some in live.values() for kind, each in parts_of(some) if kind == "column"}
    effects: dict[int, list[Effect]] = {}
    for effect in states.effects:
        if effect.migration == name:
            effects.setdefault(effect.ordinal, []).append(effect)

    def only_adds(ordinal: int, names: frozenset[str]) -> bool:
        seen = effects.get(ordinal, ())
        if not names & there:
            return True
        if ordinal in contents.moving or not (seen or ordinal in contents.plain):
            return False
        changed = [each for each in seen if each.key in live]
        if changed and contents.columns.get(ordinal, frozenset()) & columns - _made_by(changed):
            return False
        return all(each.before and each.after for each in changed)

    return all(only_adds(ordinal, names) for ordinal, names in contents.named.items())


def _made_by(effects: Iterable[Effect]) -> set[str]:
    """The columns that these effects show to change, in small letters."""
    return {name.lower() for each in effects for kind, name in each.parts if kind == "column"}


def _touched(effect: Effect, live: bool) -> Iterator[tuple[str, PartKey]]:
    if not live:
        yield effect.key, ITSELF
        return
    if effect.parts:
        yield from ((effect.key, part) for part in effect.parts)
        return
    yield effect.key, ITSELF


def _groups(touched: Mapping[str, set[tuple[str, PartKey]]]) -> Iterator[set[str]]:
    """The migrations in groups, of which no two change the same."""
    left = dict(touched)
    while left:
        name = next(iter(left))
        group, parts = {name}, set(left.pop(name))
        while more := {other for other, some in left.items() if some & parts}:
            group |= more
            parts = parts.union(*(left.pop(other) for other in more))
        yield group


def with_maker(differences: Iterable[Difference], states: States, last: str) -> Iterator[tuple[Difference, str]]:
    """Each difference with the migration, of those up to `last`, that should have made what is not there."""
    for each in differences:
        key = key_of(each.kind, each.name, states.folds)
        clauses = (part for effect in states.effects if effect.key == key for part in effect.clauses)
        yield each, states.maker(key, next((part for part in clauses if said(*part) == each.part), None), last)
