"""The clauses of a table reduced to what MySQL and MariaDB write alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from schemagate.clauses import Part, columns_of, never_null
from schemagate.lexer import significant, unquote

ONE_WORD = frozenset({"CASCADE", "RESTRICT"})


def outlined(parts: Iterable[Part]) -> Iterator[Part]:
    """Columns by name, indexes by columns and uniqueness, foreign keys by columns and rules; nothing else.

    An index on an expression is left out: only MySQL has it, and what stands in its place elsewhere is a column.
    """
    for part in parts:
        if part.kind == "column":
            yield Part("column", part.name, _column(part.text))
        elif part.kind == "index":
            columns = columns_of(part.text)
            if not any(column.startswith("(") for column in columns):
                yield Part("index", part.name, f"{_sort(part.text)}({', '.join(columns)})")
        elif part.kind == "key":
            yield _key(part.text)


def _column(text: str) -> str:
    """Name, type and NOT NULL. What MariaDB makes of JSON is JSON; NOT NULL of a generated column is MySQL's alone."""
    found = [(kind, word) for kind, word, _ in significant(text)]
    words = [word for _, word in found]
    end = words.index(")") + 1 if words[2:3] == ["("] else 2
    kind = "LONGTEXT" if words[1] == "JSON" else " ".join(words[1:end])
    signs = "".join(f" {word}" for word in words[end : end + 2] if word in ("UNSIGNED", "ZEROFILL"))
    never = " NOT NULL" if never_null(text) and ("word", "AS") not in found else ""
    return f"{words[0]} {kind}{signs}{never}"


def _sort(text: str) -> str:
    first = text.split(" ", 1)[0].upper()
    return "" if first == "KEY" else f"{'UNIQUE' if first == 'PRIMARY' else first} "


def _key(text: str) -> Part:
    """A foreign key under the name of its columns: names that a server gave depend on the table's history."""
    found = [(kind, unquote(word)) for kind, word, _ in significant(text)]
    words = [word for _, word in found]
    here = 4  # behind CONSTRAINT name FOREIGN KEY
    there = found.index(("word", "REFERENCES"))
    end = words.index(")", there) + 1
    rules = {
        words[at + 1]: " ".join(words[at + 2 : at + (3 if words[at + 2] in ONE_WORD else 4)])
        for at, word in enumerate(words)
        if at >= end and word == "ON"
    }
    # RESTRICT and NO ACTION are the same in InnoDB; which of them is the one not written differs.
    kept = [f"ON {event} {rule}" for event, rule in sorted(rules.items()) if rule not in ("RESTRICT", "NO ACTION")]
    columns, parent = "".join(words[here:there]), "".join(words[there + 1 : end])
    return Part("key", columns, " ".join([f"{columns} REFERENCES {parent}", *kept]))
