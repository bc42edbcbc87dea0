"""Do the rows allow what is to be added? A rehearsal has none, and cannot tell."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schemagate.clauses import columns_of
from schemagate.foreseen import BITS, KNOWN, has_default, in_parentheses, names_columns, own_check
from schemagate.kinds import OPAQUE
from schemagate.lexer import lexemes, quote, significant, unquote
from schemagate.rows import Rows
from schemagate.schema import said as said_of
from schemagate.tables import key as key_of
from schemagate.tables import table

if TYPE_CHECKING:
    from schemagate.clauses import Part
    from schemagate.database import Connection
    from schemagate.migrations import Migration
    from schemagate.newcolumns import NewColumns
    from schemagate.schema import Schema, SchemaObject
    from schemagate.sql import Statement

DATES = frozenset({"date", "datetime", "timestamp"})


# Whether rows are taken that strict mode does not take, or whose parents are not there.
SETS_STRICTNESS = re.compile(rb"sql_mode|foreign_key_checks", re.IGNORECASE)
# An index over the members of JSON arrays: nobody can be asked for its values but the index.
OF_MEMBERS = re.compile(r"\bAS\b[^()]*(\([\d, ]*\)[^()]*)?\bARRAY\)", re.IGNORECASE)
UNKNOWN = "whether its rows allow it cannot be told beforehand"
UNFITTING = "what is computed of its rows does not fit into it"
ZEROS = "its rows have dates with zeros in them, which no strict mode takes where a table is copied for that"
ORPHANED = "rows refer to what is not there"
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
    tables = _Tables(connection, database, wanted, found, strict, new_columns)
    for (kind, name), each in sorted(wanted.objects.items()):
        there = found.objects.get((kind, name))
        if kind == "table" and there is not None and there.parts != each.parts and (rows := tables.rows(name)):
            yield from _Table(tables, rows, each, there).refused()


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


@dataclass(frozen=True, slots=True)
class _Tables:
    """What is asked, and of whom."""

    connection: Connection
    database: str
    wanted: Schema
    found: Schema
    strict: Collection[str]
    new_columns: NewColumns | None
    known: dict[str, Rows] = field(default_factory=dict)

    def rows(self, name: str) -> Rows | None:
        """Those of a table, if it is there."""
        if name not in self.known and (there := self.found.objects.get(("table", name))):
            path = f"{quote(self.database)}.{quote(name)}"
            wanted = self.wanted.objects.get(("table", name), there)
            strict = name in self.strict
            self.known[name] = Rows(self.connection, path, wanted, there, self.new_columns, strict=strict)
        return self.known.get(name)


class _Table:
    """One table in which something is missing."""

    def __init__(self, tables: _Tables, rows: Rows, wanted: SchemaObject, found: SchemaObject) -> None:
        self._tables, self._rows, self._name = tables, rows, wanted.name
        there = {(part.kind, part.name) for part in found.parts}
        self._missing = [part for part in wanted.parts if (part.kind, part.name) not in there]
        self._dates = [each.name for each in table(found).taken_apart.values() if each.type in DATES]

    def refused(self) -> Iterator[Obstacle]:
        if not self._missing or not self._rows.exist("TRUE"):
            return
        zeros = self._rows.strict and self._copied and self._has_zeros()
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
        stored = any(each.generated == "stored" for each in self._rows.new.values())
        return stored or any(part.kind in ("check", "key") and not _unenforced(part) for part in self._missing)

    def _has_zeros(self) -> bool:
        zero = " OR ".join(f"MONTH({each}) = 0 OR DAYOFMONTH({each}) = 0" for each in map(quote, self._dates))
        return bool(zero) and self._rows.exist(zero)

    def _column(self, part: Part) -> str | None:
        each = self._rows.new[part.name.lower()]
        if each.generated == "stored" or names_columns(each):
            if each.type not in KNOWN or self._rows.versioned:
                return UNKNOWN
            if not self._rows.fits(each):
                return UNFITTING
        counted = 2 ** (BITS.get(each.type, 64) - (not each.unsigned)) - 2  # MySQL wants one more than there are rows
        if self._rows.refuses(each) or (each.counts and self._rows.are_more_than(counted)):
            return UNFITTING
        if self._rows.needs_a_value(each):
            return "its rows would need a value, and there is no default"
        # Where nothing else copies the table, MariaDB asks no row for the check of a column.
        return self._broken(part.text, own_check(each.rest)) if self._copied else None

    def _index(self, part: Part) -> str | None:
        if (
            (part.text.startswith("SPATIAL ") and self._without_values(part))
            or ("WITHOUT OVERLAPS" in part.text and self._rows.are_more_than(1))
            or OF_MEMBERS.search(part.text)
        ):
            return UNKNOWN
        for column in columns_of(part.text):
            new = None if column[0] == "(" else self._rows.new.get(_parted(column)[0].lower())
            if not (self._keeps(column.removesuffix(" DESC"), part.text) if column[0] == "("
                    else new is None or new.generated != "virtual" or self._rows.fits(new)):  # fmt: skip
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
        doubled = self._rows.exist(f"{present} GROUP BY {', '.join(values)} HAVING COUNT(*) > 1", part.text)
        return "rows have the same values, and it is unique" if doubled else None

    def _keeps(self, value: str, clause: str) -> bool:
        """Has an index on this expression a place for it, for every row? That on a YEAR() has none for other years than
        the type has.
        """
        year = re.match(r"\((year)\(", value, re.IGNORECASE)
        is_year = year and in_parentheses(value[year.end(1) :]) == value[year.end(1) : -1]
        if is_year and self._rows.exist(f"{value} NOT BETWEEN 1901 AND 2155 AND {value} <> 0", clause):
            return False
        return self._rows.computes(value, clause)

    def _without_values(self, part: Part) -> bool:
        """Has it a new column that holds nothing anybody said?"""
        new = [self._rows.new.get(_parted(column)[0].lower()) for column in columns_of(part.text) if column[0] != "("]
        return any(each and not each.generated and not has_default(each) for each in new)

    def _key(self, part: Part) -> str | None:
        key = key_of(part.name, part.text)
        if key.schema is not None:
            return None
        own, there = " AND ".join(f"c.{quote(name)} IS NOT NULL" for name in key.columns), self._tables.rows(key.parent)
        rows = self._rows.having(part.text, "c")
        if there is None or not there.has(key.referenced):
            return PARENTLESS if self._rows.exist(own, rows=rows) else None
        pairs = zip(key.referenced, key.columns, strict=True)
        columns = ((quote(of), quote(name), self._rows.columns.get(name)) for of, name in pairs)
        both = " AND ".join(
            f"p.{of} + 0 = c.{name} + 0" if each and each.type in ("enum", "set") else f"p.{of} = c.{name}"
            for of, name, each in columns
        )
        parents = there.having(part.text, "p")
        orphans = f"{own} AND p.{quote(key.referenced[0])} IS NULL"
        found = self._rows.exist(orphans, rows=f"{rows} LEFT JOIN {parents} ON {both}")
        return ORPHANED if found else None

    def _check(self, part: Part) -> str | None:
        if _unenforced(part):
            return None
        begin = next(start for kind, word, start in lexemes(part.text) if (kind, word) == ("punctuation", "("))
        return self._broken(part.text, in_parentheses(part.text[begin:]))

    def _broken(self, clause: str, condition: str) -> str | None:
        if not condition:
            return None
        broken = self._rows.exist(f"NOT {condition}", clause) or not self._rows.computes(condition, clause)
        return "rows break it" if broken else None


def _unenforced(part: Part) -> bool:
    return part.kind == "check" and "NOT ENFORCED" in part.text.rpartition(")")[2]


def _parted(column: str) -> tuple[str, str]:
    """Name and prefix length of an index's column."""
    words = [(kind, word) for kind, word, _ in significant(column)]
    return unquote(words[0][1]), next((word for kind, word in words[1:] if kind == "number"), "")
