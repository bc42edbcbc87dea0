"""Do the rows allow what is to be added? A rehearsal has none, and cannot tell."""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import TYPE_CHECKING

from schemagate.clauses import columns_of, never_null
from schemagate.lexer import lexemes, quote, significant, unquote
from schemagate.refusals import ServerError

if TYPE_CHECKING:
    from schemagate.clauses import Part
    from schemagate.database import Connection
    from schemagate.schema import Schema, SchemaObject

# Servers have no value for these that stands for nothing.
WITHOUT_ZERO = frozenset(
    {"date", "datetime", "timestamp", "json", "geometry", "point", "linestring", "polygon", "multipoint"}
    | {"multilinestring", "multipolygon", "geometrycollection", "geomcollection", "uuid", "inet4", "inet6", "vector"}
)


def refused_by_rows(connection: Connection, database: str, wanted: Schema, found: Schema) -> Iterator[str]:
    """What is missing in a table of `found` and would be refused by its rows, each in words. Reads rows, in full where
    a key is missing; what is written meanwhile may refuse it all the same.
    """
    for (kind, name), each in sorted(wanted.objects.items()):
        there = found.objects.get((kind, name))
        if kind == "table" and there is not None and there.parts != each.parts:
            yield from _Table(connection, database, each, there, found).refused()


class _Table:
    """One table in which something is missing."""

    def __init__(
        self, connection: Connection, database: str, wanted: SchemaObject, found: SchemaObject, schema: Schema
    ) -> None:
        self._connection, self._database, self._name, self._schema = connection, database, wanted.name, schema
        there = {(part.kind, part.name) for part in found.parts}
        self._columns = {part.name for part in found.parts if part.kind == "column"}
        self._missing = [part for part in wanted.parts if (part.kind, part.name) not in there]
        self._new = {part.name: part.text for part in self._missing if part.kind == "column"}

    def refused(self) -> Iterator[str]:
        if not self._missing or not self._any(f"SELECT 1 FROM {self._path(self._name)} LIMIT 1"):
            return
        for part in self._missing:
            why = {"column": self._column, "index": self._index, "key": self._key, "check": self._check}.get(part.kind)
            if why is not None and (said := why(part)):
                yield f"table {self._name}, {part.kind} {part.name}: {said}"

    def _column(self, part: Part) -> str | None:
        words = [word.upper() for kind, word, _ in significant(part.text) if kind == "word"]
        given = {"DEFAULT", "GENERATED", "AS", "AUTO_INCREMENT"}.intersection(words)
        if never_null(part.text) and not given and words[0].lower() in WITHOUT_ZERO:
            return "its rows would need a value, and there is no default"
        return None

    def _index(self, part: Part) -> str | None:
        if not part.text.startswith(("UNIQUE ", "PRIMARY ")):
            return None
        values = []
        for column in columns_of(part.text):
            if column[0] == "(":
                if _quoted(column) & self._new.keys():
                    return None if len(self._new) else "its values cannot be foreseen"
                values.append(column.removesuffix(" DESC"))
                continue
            name, length = _parted(column)
            if name in self._new:
                if self._is_null(name) or "AUTO_INCREMENT" in self._new[name]:
                    return None
                continue  # the same in all rows
            values.append(f"LEFT({quote(name)}, {length})" if length else quote(name))
        path = self._path(self._name)
        if not values:
            doubled = self._any(f"SELECT 1 FROM {path} LIMIT 1, 1")
        else:
            present = " AND ".join(f"{value} IS NOT NULL" for value in values)
            doubled = self._any(
                f"SELECT 1 FROM {path} WHERE {present} GROUP BY {', '.join(values)} HAVING COUNT(*) > 1 LIMIT 1"
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
        if any(name in self._new and self._is_null(name) for name in columns):
            return None
        if any(name in self._new for name in columns):
            return "it would refer to the default of a column that is new"
        own = " AND ".join(f"c.{quote(name)} IS NOT NULL" for name in columns)
        path, there = self._path(self._name), self._columns_of(parent)
        if not {name.lower() for name in referenced} <= there:
            return (
                "what its rows refer to is not there"
                if self._any(f"SELECT 1 FROM {path} c WHERE {own} LIMIT 1")
                else None
            )
        both = " AND ".join(f"p.{quote(of)} = c.{quote(name)}" for of, name in zip(referenced, columns, strict=True))
        orphans = self._any(
            f"SELECT 1 FROM {path} c LEFT JOIN {self._path(parent)} p ON {both} "
            f"WHERE {own} AND p.{quote(referenced[0])} IS NULL LIMIT 1"
        )
        return "rows refer to what is not there" if orphans else None

    def _check(self, part: Part) -> str | None:
        if _quoted(part.text) & self._new.keys():
            return None
        begin = next(start for kind, word, start in lexemes(part.text) if (kind, word) == ("punctuation", "("))
        end = max(start for kind, word, start in lexemes(part.text) if (kind, word) == ("punctuation", ")"))
        broken = self._any(f"SELECT 1 FROM {self._path(self._name)} WHERE NOT {part.text[begin : end + 1]} LIMIT 1")
        return "rows break it" if broken else None

    def _is_null(self, column: str) -> bool:
        """Is it NULL in the rows that are there, once it is added?"""
        words = [word.upper() for kind, word, _ in significant(self._new[column]) if kind == "word"]
        default = words[words.index("DEFAULT") + 1 :][:1] if "DEFAULT" in words else ["NULL"]
        return not never_null(self._new[column]) and default == ["NULL"] and "AS" not in words

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


def _parted(column: str) -> tuple[str, str]:
    """Name and prefix length of an index's column."""
    words = [(kind, word) for kind, word, _ in significant(column)]
    return unquote(words[0][1]), next((word for kind, word in words[1:] if kind == "number"), "")


def _quoted(text: str) -> set[str]:
    return {unquote(word) for kind, word, _ in lexemes(text) if kind == "quoted"}
