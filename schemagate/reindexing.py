"""The indexes of two tables as the clauses of ALTER TABLE that turn those of one into those of the other. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass

from schemagate.lexer import quote
from schemagate.schema import said
from schemagate.tables import Table, hiding, shown
from schemagate.widening import reference_system

# The stages of a table's change: what needs another comes after it.
COLLATION, ADD_COLUMN, DROP, MODIFY, OPTION, ADD, DROP_COLUMN, LAST = range(8)
ALTER_INDEX = "ALTER INDEX "
ADD_TEXT = "ADD FULLTEXT KEY "  # InnoDB makes but one at a time


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause of an ALTER TABLE: `part` is what it changes, in the words of `Difference`."""

    stage: int
    part: str
    sql: str
    adds: bool = False
    loses: str | None = None


class Indexes:
    """Which indexes of a table come, go, or are made anew; `remade` and `modified` are its columns that are so."""

    def __init__(
        self, wanted: Table, found: Table, remade: Set[str], modified: Set[str], is_reread: Callable[[str], bool]
    ) -> None:
        """`is_reread`: has an index with this text to be made again, since a literal in it would be read otherwise?"""
        self.wanted, self.found, self.remade, self.modified = wanted, found, remade, modified
        self._is_reread = is_reread
        self.added = [name for name in wanted.indexes if name not in found.indexes]
        self.dropped = [name for name in found.indexes if name not in wanted.indexes]
        self.clustered_anew = False
        self.changed = self._changed()
        self._first = self._dropped_first()
        # Who drops an index and adds it, hidden or shown, changes nothing on either server.
        self._shown_otherwise = [
            name
            for name in wanted.indexes
            if name in found.indexes
            and name not in (*self.changed, *self._first)
            and wanted.indexes[name] != found.indexes[name]
        ]

    @property
    def gone(self) -> set[str]:
        """Those that are not there, at least for a moment."""
        return {*self.dropped, *self.changed}

    def _changed(self) -> list[str]:
        wanted, found = self.wanted, self.found
        common = [name for name in wanted.indexes if name in found.indexes]
        changed = [
            name
            for name in common
            if shown(wanted.indexes[name]) != shown(found.indexes[name])
            or self.remade & {*wanted.indexed[name]}
            or ("" in wanted.indexed[name] and self._is_reread(wanted.indexes[name]))
            or self._other_blocks
        ]
        kept = [name for name in found.unique if name in common and name not in changed]
        new = [name for name in wanted.unique if name not in kept]
        if wanted.clustered and [quote(name) for name in (*kept, *new)][:1] != [wanted.clustered]:
            # The order of the others decides which one is the first: they are made again, behind it.
            changed += [name for name in kept if quote(name) != wanted.clustered]
            self.clustered_anew = bool(kept)
        return [name for name in wanted.indexes if name in changed]

    @property
    def _other_blocks(self) -> bool:
        """Other engines than InnoDB have a size of blocks for each index, and one that stays may bring one along."""
        here, there = self.found.options.get("ENGINE", ""), self.wanted.options.get("ENGINE", "")
        return here != there and there.upper() != "ENGINE=INNODB"

    def _dropped_first(self) -> list[str]:
        """What goes in an ALTER before, and is added again where it stays. MySQL changes no reference system under an
        index of the shapes, not even where the same ALTER drops that; and takes a full-text index that is dropped and
        added with another parser for one that stays.
        """
        here, there = self.found.taken_apart, self.wanted.taken_apart
        moving = {name for name in self.modified if reference_system(here[name]) != reference_system(there[name])}
        parsed = [name for name in self.changed
                  if " WITH PARSER " in self.found.indexes[name] + self.wanted.indexes[name]]  # fmt: skip
        shapes = [name for name, columns in self.found.indexed.items()
                  if self.found.indexes[name].startswith("SPATIAL ") and moving & {*columns}]  # fmt: skip
        return [*shapes, *(name for name in parsed if name not in shapes)]

    def seen_otherwise(self) -> tuple[list[Clause], list[Clause]]:
        """The indexes that are to be used again, and those that are not any more."""
        seen, hidden = list[Clause](), list[Clause]()
        for name in self._shown_otherwise:
            hides, hid = hiding(self.wanted.indexes[name]), hiding(self.found.indexes[name])
            how = hides or ("VISIBLE" if hid == "INVISIBLE" else "NOT IGNORED")
            (hidden if hides else seen).append(Clause(ADD, said("index", name), f"{ALTER_INDEX}{quote(name)} {how}"))
        return seen, hidden

    def first(self) -> tuple[Clause, ...]:
        """What goes in an ALTER of its own before all others."""
        return tuple(Clause(DROP, said("index", name), _drop_index(name)) for name in self._first)

    def clauses(self) -> Iterator[Clause]:
        """All others, but for those of `seen_otherwise`."""
        # The primary key last: without one, the first unique index is taken for it, which may not be an invisible one.
        for name in sorted(self.dropped, key=lambda name: name == "PRIMARY"):
            if name not in self._first:
                yield Clause(DROP, said("index", name), _drop_index(name))
        for name in self.changed:
            if name not in self._first:
                yield Clause(ADD, said("index", name), _drop_index(name))
        for name in self.wanted.indexes:
            if name in self.added or name in self.changed or name in self._first:
                yield Clause(ADD, said("index", name), f"ADD {self.wanted.indexes[name]}", adds=name in self.added)

        if self.clustered_anew:  # without it, MySQL takes an index that is dropped and added for one that stays
            yield Clause(ADD, "clustered index", "FORCE")


def _drop_index(name: str) -> str:
    return "DROP PRIMARY KEY" if name == "PRIMARY" else f"DROP KEY {quote(name)}"
