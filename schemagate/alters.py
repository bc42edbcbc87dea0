"""Two tables as the clauses of ALTER TABLE that turn one into the other, put together where one needs another. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import groupby
from typing import TypeVar

from schemagate.lexer import quote
from schemagate.reindexing import (
    ADD,
    ADD_COLUMN,
    ADD_TEXT,
    COLLATION,
    DROP,
    DROP_COLUMN,
    LAST,
    MODIFY,
    OPTION,
    Clause,
    Indexes,
)
from schemagate.schema import said
from schemagate.tables import Table, hiding, quoted
from schemagate.widening import castable, loses

Name = TypeVar("Name")
# What an option is where a table does not name it; all others take DEFAULT.
UNSET = {
    "COMMENT": "''", "COMPRESSION": "''", "ENCRYPTION": "'N'", "SECONDARY_ENGINE": "NULL", "CONNECTION": "''",
    **dict.fromkeys(("KEY_BLOCK_SIZE", "AVG_ROW_LENGTH", "MAX_ROWS", "MIN_ROWS", "CHECKSUM", "DELAY_KEY_WRITE"), "0"),
    "AUTOEXTEND_SIZE": "0",
}  # fmt: skip
PARTITIONING = "partitioning"
NO_PLACE = "rows that have no place in a partition refuse it"


class Alteration:
    """What turns one table into the other, but for foreign keys: `groups()` is one ALTER TABLE after another."""

    def __init__(self, wanted: Table, found: Table) -> None:
        self.wanted, self.found = wanted, found
        self.added = [name for name in wanted.columns if name not in found.columns]
        self.dropped = [name for name in found.columns if name not in wanted.columns]
        common = [name for name in wanted.columns if name in found.columns]
        changed = {name for name in common if wanted.explicit[name] != found.explicit[name]}
        # What MySQL has made of a literal beside them stays behind: _binary'x'.
        self.reread = {name for name in changed if found.taken_apart[name].bytes != wanted.taken_apart[name].bytes}
        changed |= {name for name in common if self._is_reread(wanted.columns[name])}
        # The servers turn nothing virtual that is not, nor the other way round, and no shape into a number: such a
        # column is dropped and added.
        self.remade = {name for name in changed if self._changes_kind(name)}
        self.modified = changed - self.remade
        staying = [name for name in common if name not in self.remade]
        self.moved = {*staying} - in_common_order([name for name in found.columns if name in staying], staying)
        # Columns that are something else afterwards, or somewhere else.
        self.touched = self.modified | self.remade | self.moved | {*self.dropped}
        self.indexes = Indexes(wanted, found, self.remade, self.modified, self._is_reread)

    def _changes_kind(self, name: str) -> bool:
        here, there = self.found.taken_apart[name], self.wanted.taken_apart[name]
        if here.generated != there.generated and {here.generated, there.generated} & {"virtual", "row"}:
            return True
        return not castable(here, there)

    def _is_reread(self, text: str) -> bool:
        """Is there a literal in this clause that stands beside a column of bytes on one side alone?"""
        return "'" in text and not self.reread.isdisjoint(quoted(text))

    def breaks(self, name: str, columns: Sequence[str]) -> bool:
        """Does a foreign key with these columns here have to go meanwhile?"""
        for each in columns:
            here, there = self.found.taken_apart.get(each), self.wanted.taken_apart.get(each)
            if here is None or there is None or here.holds != there.holds or each in self.remade:
                return True
        gone = self.indexes.gone
        serving = {
            index
            for index, text in self.found.indexes.items()
            if self.found.indexed[index][: len(columns)] == tuple(columns)
            and (name == self.found.name or text.startswith(("PRIM", "UNIQ")))
        }
        # MariaDB lets go of the last one where nobody checks; then the key has to do without it as it is.
        return bool(serving) and serving <= gone

    def groups(self) -> Iterator[tuple[Clause, ...]]:
        """The clauses in order; those of one group belong into one ALTER TABLE."""
        if first := self.indexes.first():
            yield first
        # Each alone: what is the first unique index before or behind a change of the primary key may not be hidden.
        seen, hidden = self.indexes.seen_otherwise()
        yield from ((each,) for each in seen)
        yield from self._groups()
        yield from ((each,) for each in hidden)

    def _groups(self) -> Iterator[tuple[Clause, ...]]:
        if self._entangled:
            clauses = sorted(self._clauses(), key=_within_one)
            if at_once := tuple(each for each in clauses if not each.sql.startswith(ADD_TEXT)):
                yield at_once
            yield from ((each,) for each in clauses if each.sql.startswith(ADD_TEXT))
            return
        clauses = sorted(self._clauses(), key=lambda each: each.stage)
        together = self._together
        if together:
            first = tuple(each for each in clauses if each.part in together)
            clauses = [each for each in clauses if each.part not in together]
            before = [each for each in clauses if each.stage < ADD_COLUMN]
            yield from ((each,) for each in before)
            yield first
            clauses = clauses[len(before) :]
        for _, same in groupby(clauses, key=lambda each: (each.stage, each.part if each.stage != OPTION else "")):
            yield tuple(same)

    @cached_property
    def _together(self) -> frozenset[str]:
        """What is added at once: columns of which one needs a later one, or an index."""
        counting = self.wanted.counting
        numbered = counting in self.added
        if not numbered and not any(
            quoted(self.wanted.columns[name]) & {*self.added[at + 1 :]} for at, name in enumerate(self.added)
        ):
            return frozenset()
        indexes = [name for name in self.indexes.added if numbered and counting in self.wanted.indexed[name]]
        return frozenset(
            [f"column {self.wanted.names[name]}" for name in self.added] + [said("index", n) for n in indexes]
        )

    @property
    def _entangled(self) -> bool:
        """Does a clause need another at the same time, so that all go into one ALTER TABLE?"""
        wanted, found = self.wanted, self.found
        expressions = wanted.mentioned | found.mentioned
        gone = self.indexes.gone
        texts = [name for name, text in found.indexes.items() if text.startswith("FULLTEXT ")]
        return bool(
            self.remade
            or self.indexes.clustered_anew
            or self._several_change_sight
            or self.touched & expressions
            or (self.moved and self.added)
            or ("PRIMARY" in self.indexes.added and self.indexes.dropped and self._hides_a_unique_index)
            or len(self.dropped) == len(found.columns)
            or wanted.partitioning != found.partitioning
            or wanted.periods != found.periods
            or wanted.options.get("ENGINE") != found.options.get("ENGINE")
            or wanted.options.get("WITH") != found.options.get("WITH")
            or (wanted.counting != found.counting and (found.counting or wanted.counting not in self.added))
            or ({wanted.counting, found.counting} - {None} and wanted.counting in self.touched)
            or any(found.counting in found.indexed[name] for name in gone if found.counting)
            or any(self.touched & {*found.indexed[name], *wanted.indexed[name]} for name in self.indexes.changed)
            or any(self.modified & {*found.indexed[name]} for name in texts)
            or (wanted.counting in self.added and not self._only_adds)
        )

    @property
    def _hides_a_unique_index(self) -> bool:
        """Without a primary key one of MySQL's may be taken for it, and then it may not be hidden."""
        return any(hiding(self.found.indexes[name]) for name in self.found.unique)

    @property
    def _several_change_sight(self) -> bool:
        """One column that everybody sees has to be there all the time."""
        sights = [(self.found.taken_apart[name], self.wanted.taken_apart[name]) for name in self.modified]
        return sum(here.hidden != there.hidden for here, there in sights) > 1

    @property
    def _only_adds(self) -> bool:
        return all(each.adds for each in self._clauses())

    # --- the clauses --------------------------------------------------------------------------------------------

    def _clauses(self) -> Iterator[Clause]:
        yield from self._columns()
        yield from self.indexes.clauses()
        yield from self._checks()
        yield from self._options()

    def _columns(self) -> Iterator[Clause]:
        wanted, found = self.wanted, self.found
        texts = wanted.columns if wanted.own == found.own else wanted.explicit
        before = ""
        for name, text in texts.items():
            place = f" AFTER {quote(wanted.names[before])}" if before else " FIRST"
            before, part = name, f"column {wanted.names[name]}"
            if name in self.added:
                yield Clause(ADD_COLUMN, part, f"ADD COLUMN {text}{place}", adds=True)
            elif name in self.remade:
                lost = None if found.taken_apart[name].generated else "its values"
                if found.taken_apart[name].generated and not wanted.taken_apart[name].generated:
                    lost = "its values, which were computed"
                yield Clause(MODIFY, part, f"DROP COLUMN {quote(found.names[name])}", loses=lost)
                yield Clause(MODIFY, part, f"ADD COLUMN {text}{place}", loses=lost)
            elif name in self.modified | self.moved or wanted.names[name] != found.names[name]:
                renamed = wanted.names[name] != found.names[name]
                verb = f"CHANGE COLUMN {quote(found.names[name])}" if renamed else "MODIFY COLUMN"
                lost = loses(found.explicit[name], wanted.explicit[name])
                yield Clause(MODIFY, part, f"{verb} {text}{place if name in self.moved else ''}", loses=lost)
        for name in self.dropped:
            lost = None if found.taken_apart[name].generated else "its values"
            yield Clause(DROP_COLUMN, f"column {found.names[name]}", f"DROP COLUMN {quote(found.names[name])}",
                         loses=lost)  # fmt: skip

    def _checks(self) -> Iterator[Clause]:
        wanted, found = self.wanted.checks, self.found.checks
        # With any column, MariaDB drops the checks that name none; MySQL with an index on an expression.
        gone = self.indexes.gone
        taking = self.dropped or self.remade or any("" in self.found.indexed[name] for name in gone)
        nameless = {name for name, text in wanted.items() if taking and not quoted(text) - {name.lower()}}
        again = nameless | {
            name for name, text in wanted.items() if self.remade & quoted(text) or self._is_reread(text)
        }
        for name in found:
            if found[name] != wanted.get(name) or name in again:
                yield Clause(DROP, f"check {name}", f"DROP CONSTRAINT {quote(name)}")
        for name in wanted:
            if wanted[name] != found.get(name) or name in again:
                stage = LAST if name in nameless else ADD
                yield Clause(stage, f"check {name}", f"ADD {wanted[name]}", adds=name not in found)

    def _options(self) -> Iterator[Clause]:
        wanted, found = self.wanted, self.found
        if wanted.own != found.own:
            yield Clause(COLLATION, "option COLLATE", f"COLLATE={wanted.own}")
        for text in found.periods.keys() - wanted.periods.keys():
            yield Clause(DROP, "period", f"DROP {text.partition('(')[0].strip()}")
        for name in sorted({*wanted.options} | {*found.options}):
            here, there = found.options.get(name), wanted.options.get(name)
            if here != there:
                yield _option(name, here, there)
        for text in wanted.periods.keys() - found.periods.keys():
            yield Clause(ADD, "period", f"ADD {text}")
        if wanted.partitioning != found.partitioning:
            sure = not wanted.partitioning or wanted.partitioning.startswith(("PARTITION BY HASH", "PARTITION BY KEY"))
            yield Clause(LAST, PARTITIONING, wanted.partitioning or "REMOVE PARTITIONING",
                         loses=None if sure else NO_PLACE)  # fmt: skip


def _option(name: str, found: str | None, wanted: str | None) -> Clause:
    part = f"option {name}"
    if name == "WITH":
        if wanted:
            return Clause(ADD, part, "ADD SYSTEM VERSIONING")
        return Clause(DROP, part, "DROP SYSTEM VERSIONING", loses="the history of its rows")
    lost = "what the other engine does not keep" if name == "ENGINE" else None
    written = f"`{name}`" if found and found.startswith("`") else name
    return Clause(OPTION, part, wanted or f"{written}={UNSET.get(name, 'DEFAULT')}", loses=lost)


def joined(clauses: Sequence[Clause]) -> str:
    """The clauses of one ALTER TABLE as its text: no comma stands before the partitioning."""
    texts = [each.sql for each in clauses if each.part != PARTITIONING]
    return " ".join([", ".join(texts), *(each.sql for each in clauses if each.part == PARTITIONING)]).strip()


def _within_one(each: Clause) -> int:
    """The order within one ALTER: what is dropped first, then the columns from left to right; partitioning last."""
    drops = each.sql.startswith("DROP ")
    return 0 if drops else 1 if each.stage in (ADD_COLUMN, MODIFY) else each.stage + 2


def in_common_order(found: Sequence[Name], wanted: Sequence[Name]) -> set[Name]:
    """As many as can be of the names that both have, such that they follow each other in both in the same order."""
    place = {name: at for at, name in enumerate(found)}
    longest: list[tuple[Name, ...]] = []  # for each length, the run that ends earliest
    for name in wanted:
        at = sum(place[run[-1]] < place[name] for run in longest)
        run = (*(longest[at - 1] if at else ()), name)
        longest[at : at + 1] = [run]
    return {*(longest[-1] if longest else ())}
