"""The rows of a table that is there, with the columns that it lacks, and what can be asked of them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from schemagate.foreseen import BITS, NUMBERS, beyond, computed, given, has_default, of_the_row, typed
from schemagate.lexer import quote
from schemagate.newcolumns import Held
from schemagate.refusals import IN_THE_WAY, ServerError
from schemagate.tables import quoted, table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemagate.database import Connection
    from schemagate.newcolumns import NewColumns
    from schemagate.schema import SchemaObject
    from schemagate.widening import Column

# Servers have no value for these that stands for nothing.
WITHOUT_ZERO = frozenset(
    {"date", "datetime", "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring"}
    | {"multipolygon", "geometrycollection", "geomcollection"}
)

# What a server says of a clause, whatever the rows are: that a later release will not have something of it.
DEPRECATED = frozenset({1287, 1681, 3719, 3778})


class Rows:
    """The rows of a table `found`, with the columns that only `wanted` has: as they will be, as far as can be told.

    What a server cannot be asked of them counts as what they do not stand against: it is for the statement that adds
    something to tell then.
    """

    def __init__(
        self,
        connection: Connection,
        path: str,
        wanted: SchemaObject,
        found: SchemaObject,
        new_columns: NewColumns | None,
        *,
        strict: bool,
    ) -> None:
        """`strict`: they are as they are now when something is added, in the session in which a migration begins."""
        self.strict = strict
        self._connection, self._path, self._new_columns = connection, path, new_columns
        there, wants = table(found), table(wanted)
        self._columns, self._clauses = there.names, wants.explicit
        self.versioned, self.columns = there.versioned, {**wants.taken_apart, **there.taken_apart}
        self.new = {name: each for name, each in wants.taken_apart.items() if name not in there.names}

    @cached_property
    def _held(self) -> Held:
        return self._new_columns.held(self.new, self._clauses) if self._new_columns and self.new else Held()

    def has(self, names: Iterable[str]) -> bool:
        """Are these among its columns, those of now or those that it will have?"""
        return {name.lower() for name in names} <= self._columns.keys() | self.new.keys()

    def needs_a_value(self, each: Column) -> bool:
        """Is there nothing that a new column could hold, and NULL it may not?"""
        if not each.never_null or each.generated or each.counts or has_default(each):
            return False
        name = each.name.lower()
        return name in self._held.refused or (each.type in WITHOUT_ZERO and name not in self._held.columns)

    def are_more_than(self, count: int) -> bool:
        """Are there more rows than this?"""
        return self.exist("TRUE", rows=f"(SELECT 1 FROM {self._path} LIMIT 1 OFFSET {count}) t")

    def refuses(self, each: Column) -> bool:
        """Has the default of a new column no place in it, in any row?"""
        return has_default(each) and each.name.lower() in self._held.refused

    def fits(self, each: Column) -> bool:
        """Has what is computed for a new column a place in it, for every row?"""
        name = quote(each.name)
        rows = self.having(name, raw=each)
        # As a DOUBLE, MySQL says nothing of text in COALESCE(text, 0).
        exact = {**dict.fromkeys(BITS, f"CAST({name} AS DECIMAL(65, 10))"), "decimal": typed(each, name)}
        asked = exact.get(each.type, f"{name} + 0" if each.type in NUMBERS else name)
        return self.computes(asked, rows=rows) and not any(
            self.exist(condition, rows=rows) for condition in beyond(each, name)
        )

    def computes(self, value: str, clause: str = "", *, rows: str = "") -> bool:
        """Can the server work this out for every row, in which there are the columns that the clause names?"""
        if not self.strict:
            return True
        asked = f"SELECT MAX(LENGTH({value})) FROM {rows or self.having(clause)}"  # COUNT() takes what cannot be NULL
        try:
            self._connection.execute(asked)
            said = self._connection.execute("SHOW WARNINGS").rows
            return all(str(level) == "Note" or int(errno) in DEPRECATED for level, errno, _ in said)
        except ServerError as error:  # it may be what is asked, and not the rows, that the server does not like
            return error.errno in IN_THE_WAY or not self._answers(f"{asked} WHERE FALSE")

    def _answers(self, asked: str) -> bool:
        """Does the server answer this?"""
        try:
            self._connection.execute(asked)
        except ServerError:
            return False
        return True

    def exist(self, condition: str, clause: str = "", *, rows: str = "") -> bool:
        """Are there any of which this is true?"""
        try:
            asked = f"SELECT 1 FROM {rows or self.having(clause)} WHERE {condition} LIMIT 1"
            return bool(self._connection.execute(asked).rows)
        except ServerError:
            return False

    def having(self, clause: str, alias: str = "t", *, raw: Column | None = None) -> str:
        """The rows, as a table for SQL, with the new columns that the clause names; that of `raw` before it is turned
        into its type. A column of which nothing is known is not there.
        """
        needed = quoted(clause) & self.new.keys()
        while more := {name for each in needed for name in quoted(self.new[each].rest) & self.new.keys()} - needed:
            needed |= more
        if not needed:
            return f"{self._path} {alias}"
        new = {name: each for name, each in self.new.items() if name in needed}
        found, source = [f"o.{quote(name)}" for name in self._columns.values()], f"{self._path} o"
        for name, each in new.items():
            if name in self._held.columns:
                found.append(f"n.{quote(name)}")
            elif not each.generated and not of_the_row(each) and (value := given(each)):
                found.append(f"{typed(each, value)} AS {quote(name)}")
        if self._held.columns & new.keys():
            source = f"{source} CROSS JOIN {self._held.path} n"
        rows = f"(SELECT {', '.join(found)} FROM {source})"
        for name, each in new.items():
            value = None
            if each.generated:
                value = computed(each, raw=each is raw)
            elif of_the_row(each) and (default := given(each)):
                value = typed(each, default, raw=each is raw)
            if value:
                rows = f"(SELECT t.*, {value} AS {quote(name)} FROM {rows} t)"
        return f"{rows} {alias}"
