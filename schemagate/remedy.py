"""What of a drift may be healed: what is missing and holds no data, and nothing else. Pure.

All or nothing: where anything differs beyond what may be made again, nothing is. An index that is missing beside one
that nobody knows was given another name, and a column that is missing beside a new one may have been, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from schemagate.automatic import as_expected, to_add
from schemagate.ddl import Change, changes
from schemagate.lexer import quote, significant
from schemagate.schema import part_of
from schemagate.tables import table
from schemagate.widening import column

if TYPE_CHECKING:
    from schemagate.history import History
    from schemagate.migrations import Migrations
    from schemagate.schema import Difference, Schema, SchemaObject
    from schemagate.tables import Table

OFF, SAFE, ALL = "off", "safe", "all"
# What the normal form says of an index that is there; not a thing of its own.
DERIVED = frozenset({"clustered index"})
# What is made again is not what is gone, and the schema does not tell: the number that a sequence has come to, the hour
# at which an event runs.
NEVER = {
    "sequence": "nobody knows the number that it had come to",
    "event": "nobody knows when it is to run",
}
# How a foreign key is added that has the name which a server gave it.
NAMED, WITH_INDEX, NAMELESS = "named", "with its index", "nameless"
IN_ONE_PLACE = frozenset({"table", "view", "sequence"})  # of these, only one has a name


class Unhealable(Exception):
    """Nothing is healed; the message says why, in half a sentence for a person."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """What makes again what is missing of what is `wanted`, in order; and what of it held data, and is empty then.

    `taken`: the names of constraints that are in use, each with its table. `way` is how those keys are added that a
    server has named.
    """

    wanted: Schema
    changes: tuple[Change, ...]
    emptied: tuple[str, ...] = ()
    taken: frozenset[tuple[str, str]] = frozenset()
    way: str = NAMED

    @property
    def other_ways(self) -> tuple[Remedy, ...]:
        """The same where a key takes its index along, which a server has made for an earlier one and would take away;
        and where the server names it anew.
        """
        return tuple(
            each for way in (WITH_INDEX, NAMELESS) if (each := self._in_way(way)).changes != self.changes
        )  # fmt: skip

    def _in_way(self, way: str) -> Remedy:
        return replace(self, changes=tuple(self._to_add(each, way) for each in self.changes), way=way)

    def _to_add(self, change: Change, way: str) -> Change:
        return _to_add(change, self.taken, way, self.wanted)

    def around(self, part: Schema, broken: Set[tuple[str, str]]) -> tuple[Change, ...]:
        """The same where there is but a part of the schema, and none of the views that are `broken` for want of it."""
        missing = self.wanted.objects.keys() & {(change.kind, change.name) for change in self.changes}
        there = as_expected(part_of(part, part.objects.keys() & self.wanted.objects.keys() - broken), self.wanted)
        known = (part.objects.keys() & self.wanted.objects.keys()) | missing
        return tuple(self._to_add(change, self.way) for change in _made(part_of(self.wanted, known), there))


def remedy(
    wanted: Schema,
    found: Schema,
    foreign: Schema,
    differences: Sequence[Difference],
    mode: str,
    collation: str,
    taken: frozenset[tuple[str, str]],
) -> Remedy:
    """What turns `found` into `wanted` by adding alone; `mode` is that of SCHEMAGATE_HEAL.

    `foreign` is what nobody expects and is left alone; `collation` the default of the live schema; `taken` as of the
    Remedy. Raises Unhealable.
    """
    if mode == OFF:
        raise Unhealable("SCHEMAGATE_HEAL is off")
    for each in differences:
        if each.found is not None and each.part not in DERIVED:
            raise Unhealable(f"{said(each)} is not missing, but {'other' if each.expected else 'too much'}")
        if each.expected is not None and not each.part and each.kind in NEVER:
            raise Unhealable(f"{each.kind} {each.name} cannot be made again: {NEVER[each.kind]}")
    made = _made(wanted, found)
    for change in made:
        if not change.adds:
            raise Unhealable(f"{change.kind} {change.name} would have to be changed: {change.sql[:200]}")
        default = change.program.attribute("default collation") if change.program else None
        if default not in (None, collation):
            raise Unhealable(
                f"{change.kind} {change.name} was made while the default collation of the schema was {default}"
            )
    emptied, computed = list[str](), list[str]()
    for name, holds in _emptied(wanted, found, foreign):
        (emptied if holds else computed).append(name)
    if emptied and mode != ALL:
        raise Unhealable(f"{emptied[0]} held data; SCHEMAGATE_HEAL=all makes it again, empty")
    if computed and mode != ALL:
        raise Unhealable(f"{computed[0]} is missing, and SCHEMAGATE_HEAL=all alone makes columns again")
    return Remedy(wanted, tuple(_to_add(change, taken, NAMED, wanted) for change in made), tuple(emptied), taken)


def hidden_views(found: Schema, wanted: Schema) -> dict[tuple[str, str], SchemaObject]:
    """The views that the server cannot show, as they are wanted: what is missing may be what they are broken for."""
    return {
        key: wanted.objects[key]
        for key, each in found.objects.items()
        if key[0] == "view" and not each.create and key in wanted.objects
    }


def _made(wanted: Schema, found: Schema) -> tuple[Change, ...]:
    """The changes; but whether the server takes an index away for a key is seen where it is tried. Where a table lacks
    columns, its indexes of others come first: where one is gone that a foreign key needs, MariaDB makes no column.
    """
    made = [change for change in changes(wanted, found) if not change.keeps]
    lacking = {change.name for change in made if change.part.startswith("column ")}
    return tuple(sorted(made, key=lambda each: not (each.name in lacking and _is_index_of(each, wanted, found))))


def _is_index_of(change: Change, wanted: Schema, found: Schema) -> bool:
    """Does it add an index to a table that has all columns of it, each as itself?"""
    kind, _, name = change.part.partition(" ")
    if change.kind != "table" or kind != "index":
        return False
    columns = table(wanted.objects["table", change.name]).indexed.get(name, ("",))
    return {*columns} <= table(found.objects["table", change.name]).columns.keys()


def names_of_constraints(found: Schema) -> frozenset[tuple[str, str]]:
    """The names of all keys and checks, each with its table, in small letters."""
    return frozenset(
        (name.lower(), part.name.lower())
        for (kind, name), each in found.objects.items()
        if kind == "table"
        for part in each.parts
        if part.kind in ("key", "check")
    )


def _to_add(change: Change, taken: Set[tuple[str, str]], way: str, wanted: Schema) -> Change:
    """The change, where it adds a constraint, without a name that a server gave: unless that is not taken, so that a
    later migration finds it under that.
    """
    kind, _, name = change.part.removeprefix("foreign ").partition(" ")
    head = f"ALTER TABLE {quote(change.name)} ADD "
    if change.kind != "table" or kind not in ("key", "check") or not change.sql.startswith(f"{head}CONSTRAINT "):
        return change
    text = change.sql[len(head) :]
    nameless = to_add(kind, name, text, change.name)
    of_table = name.lower().startswith("constraint_")  # MariaDB counts so in each table
    if nameless == text or (kind == "key" and way == NAMELESS):
        return replace(change, sql=head + nameless)
    if any(each == name.lower() and (not of_table or own == change.name.lower()) for own, each in taken):
        return replace(change, sql=head + nameless)
    if kind == "key" and way == WITH_INDEX:
        return replace(change, sql="".join((head, *_index_of(table(wanted.objects["table", change.name]), name), text)))
    return change


def _index_of(child: Table, key: str) -> Iterator[str]:
    """The index of just the columns of a foreign key, to be added with it."""
    for name, text in child.indexes.items():
        if text.startswith("KEY ") and child.indexed[name] == child.keys[key].columns:
            yield f"{text}, ADD "
            return


def all_known(migrations: Migrations, history: History) -> None:
    """Is all that was applied here known to these files? Raises Unhealable where it is not: what is missing to them may
    have been dropped by what they do not know.
    """
    names = {migration.name for migration in migrations.all}
    for name, past in history.past.items():
        if past.applied and name not in names:
            raise Unhealable(f"{name} is applied, and this image does not have it")


def said(each: Difference | Change) -> str:
    """What it is about, for a person: "index idx_name of table orders"."""
    return f"{each.part} of {each.kind} {each.name}" if each.part else f"{each.kind} {each.name}"


def _emptied(wanted: Schema, found: Schema, foreign: Schema) -> Iterator[tuple[str, bool]]:
    """The tables and columns that would be made; and whether they held data, or are computed. Raises Unhealable for one
    that may have another name now, or of which the server would choose the values.
    """
    taken = {name.lower(): kind for kind, name in foreign.objects if kind in IN_ONE_PLACE}
    strangers = [table(each) for key, each in foreign.objects.items() if key[0] == "table"]
    for (kind, name), each in wanted.objects.items():
        there = found.objects.get((kind, name))
        if there is None and kind in IN_ONE_PLACE and name.lower() in taken:
            raise Unhealable(f"there is a {taken[name.lower()]} with the name of {kind} {name}")
        if kind != "table" or kind in found.unseen:
            continue
        mine = table(each)
        if there is None:
            for stranger in strangers:
                if mine.columns.keys() <= stranger.columns.keys():
                    raise Unhealable(f"table {name} may be {stranger.name} now, which has its columns")
            yield f"table {name}", True
        else:
            yield from _columns(mine, table(there).columns)


def _columns(mine: Table, there: Mapping[str, str]) -> Iterator[tuple[str, bool]]:
    for name, text in mine.columns.items():
        if name in there:
            continue
        each = column(text)
        if each.generated == "row" or (each.never_null and not each.generated and not _has_default(each.rest)):
            raise Unhealable(
                f"column {mine.names[name]} of table {mine.name} may not be NULL and has no default: the server would "
                "choose its values"
            )
        yield f"column {mine.names[name]} of table {mine.name}", not each.generated


def _has_default(rest: str) -> bool:
    return any(kind == "word" and word.upper() == "DEFAULT" for kind, word, _ in significant(rest))
