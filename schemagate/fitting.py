"""Do the rows allow what is to be added? A rehearsal has none, and cannot tell."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from schemagate.clauses import columns_of
from schemagate.foreseen import (
    BITS,
    NUMBERS,
    beyond,
    computed,
    given,
    has_default,
    in_parentheses,
    own_check,
    typed,
)
from schemagate.kinds import OPAQUE
from schemagate.lexer import lexemes, quote, significant, unquote
from schemagate.newcolumns import Held
from schemagate.refusals import ServerError
from schemagate.schema import said as said_of
from schemagate.tables import quoted, table

if TYPE_CHECKING:
    from schemagate.clauses import Part
    from schemagate.database import Connection
    from schemagate.migrations import Migration
    from schemagate.newcolumns import NewColumns
    from schemagate.schema import Schema, SchemaObject
    from schemagate.sql import Statement
    from schemagate.widening import Column

# Servers have no value for these that stands for nothing.
WITHOUT_ZERO = frozenset(
    {"date", "datetime", "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring"}
    | {"multipolygon", "geometrycollection", "geomcollection"}
)

DATES = frozenset({"date", "datetime", "timestamp"})


# What a server says of a value that it cannot work out of a row. In a query it goes on; in strict mode it keeps none.
NO_VALUE = frozenset({1264, 1265, 1292, 1365, 1366, 1406, 1411, 1690, *range(3140, 3158), *range(4035, 4043)})
# Whether rows are taken that strict mode does not take, or whose parents are not there.
SETS_STRICTNESS = re.compile(rb"sql_mode|foreign_key_checks", re.IGNORECASE)
UNFITTING = "what is computed of its rows does not fit into it"
ZEROS = "its rows have dates with zeros in them, which no strict mode takes where a table is copied for that"
BROKEN = "rows break it"
PARENTLESS = "what its rows refer to is not there"


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Rows of a table refuse a part of it that is missing, in the words of `Difference`; and why they do."""

    table: str
    part: str
    why: str

    def __str__(self) -> str:
        return f"table {self.table}, {self.part}: {self.why}"


def refused_by_rows(
    connection: Connection,
    database: str,
    wanted: Schema,
    found: Schema,
    strict: Collection[str] = (),
    new_columns: NewColumns | None = None,
) -> Iterator[Obstacle]:
    """What is missing in a table of `found` and would be refused by its rows. Reads rows, in full where
    a key is missing; what is written meanwhile may refuse it all the same. `strict` are the tables to which all of it
    is added as the session of a migration begins, and whose rows are as they are now. `new_columns`: where there is a
    shadow, what new columns will hold is asked there; else it is told from their texts.
    """
    for (kind, name), each in sorted(wanted.objects.items()):
        there = found.objects.get((kind, name))
        if kind == "table" and there is not None and there.parts != each.parts:
            yield from _Table(connection, database, each, there, found, new_columns, strict=name in strict).refused()


def kept_strictly(tables: Set[str], run: Sequence[Migration], whole: Sequence[Migration]) -> Set[str]:
    """Of these, the tables whose rows stay as they are till all is added that is missing, in strict mode. None of
    the migrations that are `run` for that names them and is run `whole`, or sets what decides whether rows are taken.
    """
    left = tables
    for migration in run:
        sets = any(each.kind == "set" and SETS_STRICTNESS.search(each.raw) for each in migration.statements())
        for statement in migration.statements() if sets or migration in whole else ():
            if statement.kind in OPAQUE:
                return frozenset()
            left = left - named_in(statement, left)
    return left


def named_in(statement: Statement, names: Collection[str]) -> set[str]:
    """Those of the names of which a statement has all words, be they names there or not."""
    words = _words(statement.raw.decode(errors="replace"))
    return {name for name in names if _words(name) <= words}


def _words(text: str) -> set[str]:
    return {word for word in re.split(r"[^\w$]+", text.lower()) if word}


def referred_to(
    connection: Connection, database: str, found: Schema, emptied: Collection[str]
) -> Iterator[tuple[str, str]]:
    """The tables, each with its foreign key, that have rows which refer to a table of these that is not there. They are
    named as `Remedy.emptied` names them.
    """
    for (kind, name), each in sorted(found.objects.items()):
        for key in table(each).keys.values() if kind == "table" and "FOREIGN KEY" in each.create else ():
            if key.schema is None and f"table {key.parent}" in emptied and key.parent != name:
                own = " AND ".join(f"{quote(column)} IS NOT NULL" for column in key.columns)
                path = f"{quote(database)}.{quote(name)}"
                if connection.execute(f"SELECT 1 FROM {path} WHERE {own} LIMIT 1").rows:
                    yield name, key.name


class _Table:
    """One table in which something is missing."""

    def __init__(
        self,
        connection: Connection,
        database: str,
        wanted: SchemaObject,
        found: SchemaObject,
        schema: Schema,
        new_columns: NewColumns | None,
        *,
        strict: bool,
    ) -> None:
        self._strict = strict
        self._connection, self._database, self._name, self._schema = connection, database, wanted.name, schema
        there = {(part.kind, part.name) for part in found.parts}
        self._columns = [part.name for part in found.parts if part.kind == "column"]
        self._dates = [each.name for each in table(found).taken_apart.values() if each.type in DATES]
        self._missing = [part for part in wanted.parts if (part.kind, part.name) not in there]
        new = {part.name.lower() for part in self._missing if part.kind == "column"}
        self._new = {name: each for name, each in table(wanted).taken_apart.items() if name in new}
        self._clauses, self._new_columns = table(wanted).explicit, new_columns

    @cached_property
    def _held(self) -> Held:
        return self._new_columns.held(self._new, self._clauses) if self._new_columns and self._new else Held()

    def refused(self) -> Iterator[Obstacle]:
        if not self._missing or not self._any(f"SELECT 1 FROM {self._path(self._name)} LIMIT 1"):
            return
        zeros = self._strict and self._copied and self._has_zeros()
        for part in self._missing:
            if zeros and part.kind in ("check", "key", "column"):
                yield Obstacle(self._name, said_of(part.kind, part.name), ZEROS)
                continue
            why = {"column": self._column, "index": self._index, "key": self._key, "check": self._check}.get(part.kind)
            if why is not None and (said := why(part)):
                yield Obstacle(self._name, said_of(part.kind, part.name), said)

    @property
    def _copied(self) -> bool:
        """Is every row written again, in strict mode? For a check, a key, and what is computed and stored."""
        stored = any(each.generated == "stored" for each in self._new.values())
        return stored or any(part.kind in ("check", "key") and not _unenforced(part) for part in self._missing)

    def _has_zeros(self) -> bool:
        zero = " OR ".join(f"MONTH({each}) = 0 OR DAYOFMONTH({each}) = 0" for each in map(quote, self._dates))
        return bool(zero) and self._any(f"SELECT 1 FROM {self._path(self._name)} WHERE {zero} LIMIT 1")

    def _column(self, part: Part) -> str | None:
        each = self._new[part.name.lower()]
        if each.generated == "stored" and not self._fits(each):
            return UNFITTING
        if self._needs_a_value(each):
            return "its rows would need a value, and there is no default"
        # Where nothing else copies the table, MariaDB asks no row for the check of a column.
        return self._broken(part.text, own_check(each.rest)) if self._copied else None

    def _needs_a_value(self, each: Column) -> bool:
        if not each.never_null or each.generated or each.counts or has_default(each):
            return False
        name = each.name.lower()
        return name in self._held.refused or (each.type in WITHOUT_ZERO and name not in self._held.columns)

    def _fits(self, each: Column) -> bool:
        """Has what is computed for a new column a place in it, for every row?"""
        name = quote(each.name)
        rows = self._rows(name, raw=each)
        asked = f"{name} + 0" if each.type in (*BITS, *NUMBERS) else name
        return self._computes(asked, rows) and not any(
            self._any(f"SELECT 1 FROM {rows} WHERE {condition} LIMIT 1") for condition in beyond(each, name)
        )

    def _computes(self, value: str, rows: str) -> bool:
        """Can the server work this out for every one of these rows? What it cannot be asked is for the statement itself
        to tell.
        """
        if not self._strict:
            return True
        try:
            # By its length, for COUNT() does not look at what cannot be NULL.
            self._connection.execute(f"SELECT MAX(LENGTH({value})) FROM {rows}")
            said = [int(row[1]) for row in self._connection.execute("SHOW WARNINGS").rows]
        except ServerError as error:
            said = [error.errno]
        return NO_VALUE.isdisjoint(said)

    def _index(self, part: Part) -> str | None:
        for column in columns_of(part.text):
            new = None if column[0] == "(" else self._new.get(_parted(column)[0].lower())
            if not (self._computes(column.removesuffix(" DESC"), self._rows(part.text)) if column[0] == "("
                    else new is None or new.generated != "virtual" or self._fits(new)):  # fmt: skip
                return UNFITTING
        if not part.text.startswith(("UNIQUE ", "PRIMARY ")):
            return None
        values = []
        for column in columns_of(part.text):
            if column[0] == "(":
                values.append(column.removesuffix(" DESC"))
            else:
                name, length = _parted(column)
                values.append(f"LEFT({quote(name)}, {length})" if length else quote(name))
        present = " AND ".join(f"{value} IS NOT NULL" for value in values)
        doubled = self._any(
            f"SELECT 1 FROM {self._rows(part.text)} WHERE {present} GROUP BY {', '.join(values)} "
            "HAVING COUNT(*) > 1 LIMIT 1"
        )
        return "rows have the same values, and it is unique" if doubled else None

    def _key(self, part: Part) -> str | None:
        words = [unquote(word) if kind == "quoted" else word.upper() for kind, word, _ in significant(part.text)]
        at = words.index("REFERENCES")
        columns = [word for word in words[words.index("(") + 1 : words.index(")")] if word != ","]
        rest = words[at:]
        parent = rest[1] if rest[2] != "." else rest[3]
        referenced = [word for word in rest[rest.index("(") + 1 : rest.index(")")] if word != ","]
        if rest[2] == ".":
            return None
        own = " AND ".join(f"c.{quote(name)} IS NOT NULL" for name in columns)
        rows, there = self._rows(part.text, "c"), self._columns_of(parent)
        if not {name.lower() for name in referenced} <= there:
            refers = self._any(f"SELECT 1 FROM {rows} WHERE {own} LIMIT 1")
            return PARENTLESS if refers else None
        both = " AND ".join(f"p.{quote(of)} = c.{quote(name)}" for of, name in zip(referenced, columns, strict=True))
        orphans = self._any(
            f"SELECT 1 FROM {rows} LEFT JOIN {self._path(parent)} p ON {both} "
            f"WHERE {own} AND p.{quote(referenced[0])} IS NULL LIMIT 1"
        )
        return "rows refer to what is not there" if orphans else None

    def _check(self, part: Part) -> str | None:
        if _unenforced(part):
            return None
        begin = next(start for kind, word, start in lexemes(part.text) if (kind, word) == ("punctuation", "("))
        return self._broken(part.text, in_parentheses(part.text[begin:]))

    def _broken(self, clause: str, condition: str) -> str | None:
        if not condition:
            return None
        rows = self._rows(clause)
        broken = self._any(f"SELECT 1 FROM {rows} WHERE NOT {condition} LIMIT 1")
        return BROKEN if broken or not self._computes(condition, rows) else None

    def _rows(self, clause: str, alias: str = "t", *, raw: Column | None = None) -> str:
        """The rows, as a table for SQL, with the new columns that the clause names: as they will be, as far as that can
        be foreseen, but that of `raw` before it is turned into its type. A column that cannot is not there, and whoever
        asks for it hears of an error.
        """
        needed = quoted(clause) & self._new.keys()
        while more := {name for each in needed for name in quoted(self._new[each].rest) & self._new.keys()} - needed:
            needed |= more
        if not needed:
            return f"{self._path(self._name)} {alias}"
        new = {name: each for name, each in self._new.items() if name in needed}
        found, source = [f"o.{quote(name)}" for name in self._columns], f"{self._path(self._name)} o"
        for name, each in new.items():
            if name in self._held.columns:
                found.append(f"n.{quote(name)}")
            elif not each.generated and (value := given(each)):
                found.append(f"{typed(each, value)} AS {quote(name)}")
        if self._held.columns & new.keys():
            source = f"{source} CROSS JOIN {self._held.path} n"
        rows = f"(SELECT {', '.join(found)} FROM {source})"
        for name, each in new.items():
            if each.generated:
                rows = f"(SELECT t.*, {computed(each, raw=each is raw)} AS {quote(name)} FROM {rows} t)"
        return f"{rows} {alias}"

    def _columns_of(self, table: str) -> Set[str]:
        found = self._schema.objects.get(("table", table))
        return {part.name.lower() for part in found.parts if part.kind == "column"} if found else set()

    def _path(self, table: str) -> str:
        return f"{quote(self._database)}.{quote(table)}"

    def _any(self, question: str) -> bool:
        try:
            return bool(self._connection.execute(question).rows)
        except ServerError:  # then the statement itself tells
            return False


def _unenforced(part: Part) -> bool:
    return part.kind == "check" and "NOT ENFORCED" in part.text.rpartition(")")[2]


def _parted(column: str) -> tuple[str, str]:
    """Name and prefix length of an index's column."""
    words = [(kind, word) for kind, word, _ in significant(column)]
    return unquote(words[0][1]), next((word for kind, word in words[1:] if kind == "number"), "")
