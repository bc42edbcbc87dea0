"""A table's clauses by kind and name, taken apart as far as altering it has to know. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from schemagate.clauses import columns_of, never_null
from schemagate.flat import closing, flat, joined
from schemagate.lexer import lexemes, significant, unquote
from schemagate.literals import Lexeme
from schemagate.widening import Column, column, explicit

if TYPE_CHECKING:
    from schemagate.schema import SchemaObject


HIDING = frozenset({("word", "INVISIBLE"), ("word", "IGNORED")})


@dataclass(frozen=True, slots=True)
class Key:
    """A foreign key: its clause, taken apart; `schema` is None for a parent in the same schema."""

    name: str
    text: str
    columns: tuple[str, ...]
    schema: str | None
    parent: str
    referenced: tuple[str, ...]


def key(name: str, text: str) -> Key:
    """A foreign key's clause, taken apart; names of columns in small letters."""
    words = [(kind, unquote(word)) for kind, word, _ in significant(text)]
    lists = [at for at, (kind, word) in enumerate(words) if (kind, word) == ("punctuation", "(")][:2]
    columns, referenced = (
        tuple(word.lower() for kind, word in words[at : words.index(("punctuation", ")"), at)] if kind == "quoted")
        for at in lists
    )
    path = [word for kind, word in words[words.index(("word", "REFERENCES")) : lists[1]] if kind == "quoted"]
    return Key(name, text, columns, path[0] if len(path) > 1 else None, path[-1], referenced)


@dataclass(frozen=True)
class Table:
    """A table's clauses by kind and name, in their order; columns by their names in small letters."""

    name: str
    own: str  # its collation
    columns: Mapping[str, str]
    indexes: Mapping[str, str]
    checks: Mapping[str, str]
    keys: Mapping[str, Key]
    options: Mapping[str, str]
    partitioning: str
    periods: Mapping[str, str]
    clustered: str | None
    names: Mapping[str, str] = field(default_factory=dict)  # of columns, as they are written

    @cached_property
    def explicit(self) -> Mapping[str, str]:
        """The columns with their collations."""
        return {name: explicit(text, self.own) for name, text in self.columns.items()}

    @cached_property
    def taken_apart(self) -> Mapping[str, Column]:
        return {name: column(text) for name, text in self.explicit.items()}

    @cached_property
    def mentioned(self) -> frozenset[str]:
        """Columns that an expression names: that of another column, a check, an index, the partitioning, a period."""
        found = {other for name, text in self.columns.items() for other in quoted(text) - {name}}
        found |= {name for text in self.checks.values() for name in quoted(text)}
        found |= {name for text in self.indexes.values() for part in columns_of(text) if part[0] == "("
                  for name in quoted(part)}  # fmt: skip
        return frozenset(found | quoted(self.partitioning) | quoted(" ".join(self.periods.values())))

    @cached_property
    def counting(self) -> str | None:
        """The column that has AUTO_INCREMENT."""
        return next((name for name, each in self.taken_apart.items() if each.counts), None)

    @cached_property
    def indexed(self) -> Mapping[str, tuple[str, ...]]:
        """The columns of each index, in order; "" for an expression."""
        return {name: tuple(_first(part) for part in columns_of(text)) for name, text in self.indexes.items()}

    @property
    def versioned(self) -> bool:
        """Does it keep the history of its rows?"""
        return "WITH" in self.options

    @property
    def unique(self) -> list[str]:
        """The indexes that could be the clustered one, where there is no primary key."""
        return [
            name
            for name, text in self.indexes.items()
            if text.startswith("UNIQUE ") and all(never_null(self.columns.get(each, "")) for each in self.indexed[name])
        ]


def table(each: SchemaObject) -> Table:
    """A table's clauses by kind and name."""
    by_kind: dict[str, dict[str, str]] = {}
    for part in each.parts:
        by_kind.setdefault(part.kind, {})[part.name] = part.text
    columns, options = by_kind.get("column", {}), dict(by_kind.get("option", {}))
    attributes = by_kind.get("attribute", {})
    partitions = dict(by_kind.get("partition", {}))
    head = partitions.pop("", "")
    divided = " (" + ", ".join(partitions.values()) + ")" if partitions else ""
    period = {part.text: part.text for part in each.parts if (part.kind, part.name) == ("attribute", "period")}
    return Table(
        each.name,
        options.pop("COLLATE", "COLLATE=").partition("=")[2],
        {name.lower(): text for name, text in columns.items()},
        by_kind.get("index", {}),
        by_kind.get("check", {}),
        {name: key(name, text) for name, text in by_kind.get("key", {}).items()},
        options,
        head + divided,
        period,
        attributes.get("clustered index"),
        {name.lower(): name for name in columns},
    )


def hiding(index: str) -> str | None:
    """The word by which an index says that it is not to be used: INVISIBLE in MySQL, IGNORED in MariaDB; or None."""
    found = flat(index)
    at = _hiding_at(found)
    return None if at is None else found[at][1]


def shown(index: str) -> str:
    """The clause of an index without that word."""
    found = flat(index)
    at = _hiding_at(found)
    return index if at is None else joined([*found[: at - 1], *found[at + 1 :]])


def _hiding_at(found: Sequence[Lexeme]) -> int | None:
    end = closing(found)
    return next((at for at, lexeme in enumerate(found) if at > end and lexeme in HIDING), None)


def quoted(text: str) -> frozenset[str]:
    """The quoted names of a text, in small letters."""
    return frozenset(unquote(lexeme).lower() for kind, lexeme, _ in lexemes(text) if kind == "quoted")


def _first(part: str) -> str:
    """The column of an index's part, in small letters; "" for an expression."""
    if part[0] == "(":
        return ""
    return next((unquote(lexeme).lower() for kind, lexeme, _ in lexemes(part) if kind == "quoted"), "")
