"""Which tables and views a statement makes, drops and renames. Pure."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from schemagate.lexer import significant
from schemagate.sql import Statement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemagate.names import Name

# The statements after which there are other tables and views.
TABLES = frozenset({"create table", "create view", "drop table", "drop view", "rename table", "alter table"})


def moved(statement: Statement, kind: str) -> Iterator[tuple[Name | None, Name | None]]:
    """The tables and views of which the names change, from and to, in the order in which it happens; None is nothing:
    what is made comes from there, what is dropped goes there.
    """
    if kind.startswith("create"):
        yield from ((None, name) for name in statement.names[:1])
    elif kind.startswith("drop"):
        yield from ((name, None) for name in statement.names)
    else:
        yield from _renamed(statement, kind)


def _renamed(statement: Statement, kind: str) -> Iterator[tuple[Name, Name]]:
    """The tables that get another name, and that name, in the order in which it happens."""
    names = statement.names
    if kind == "rename table":
        yield from zip(names[::2], names[1::2], strict=False)
    elif re.search(rb"\brename\b", statement.raw, re.IGNORECASE):
        found = [(word, at) for _, word, at in significant(statement.raw)]
        for (word, at), (following, _) in pairwise(found):
            if word == "RENAME" and following not in ("COLUMN", "INDEX", "KEY"):
                # What comes before may name other tables, in REFERENCES.
                clause = Statement(b"ALTER TABLE t " + statement.raw[at:], 1, 1)
                yield from ((names[0], new) for new in clause.names[1:2])
