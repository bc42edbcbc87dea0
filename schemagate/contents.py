"""What the statements of a migration are, for who asks whether they were run: structure that shows, or data. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from schemagate.effects import Around, effects_of
from schemagate.isolation import fills_from_query, words_of
from schemagate.lexer import significant, unquote
from schemagate.rules import runs_once
from schemagate.traces import TRACED

if TYPE_CHECKING:
    from schemagate.migrations import Migration
    from schemagate.sql import Statement

# Words of an ALTER that may put rows in the place of others, or take them away, without a trace in the text of a table.
MOVING = frozenset({"EXCHANGE", "TRUNCATE", "PARTITION", "PARTITIONS", "PARTITIONING", "DISCARD", "IMPORT"})
OF_A_CLAUSE = frozenset({"COLUMN", "INDEX", "KEY"})
# Words before the name of a column that is not what it was, and those that may stand between.
TO_COLUMN = frozenset({"DROP", "MODIFY", "CHANGE"})
BETWEEN = frozenset({"COLUMN", "IF", "EXISTS"})


@dataclass(frozen=True, slots=True)
class Data:
    """A statement that changes more than the structure of the schema: what it does cannot be seen there."""

    migration: str
    ordinal: int
    line: int
    kind: str


@dataclass(frozen=True, slots=True)
class Contents:
    """What the statements of a migration are: those of data, and by their ordinals those that do more than change its
    session. Of these, the `plain` ones do nothing at all where they leave the schema as it was: CREATE … IF NOT EXISTS.
    `named` has the names, in small letters, of those that change the structure alone; those that put one object in the
    place of another, `moving`, may change more of it than shows; and `columns` are those that they drop or change.
    `once` has the names of the events that run once.
    """

    data: tuple[Data, ...]
    lasting: tuple[int, ...]
    plain: frozenset[int] = frozenset()
    named: Mapping[int, frozenset[str]] = field(default_factory=dict)
    moving: frozenset[int] = frozenset()
    columns: Mapping[int, frozenset[str]] = field(default_factory=dict)
    once: frozenset[str] = frozenset()


def contents(migration: Migration) -> Contents:
    """What the statements of a migration are."""
    data, lasting, plain, around = [], list[int](), set[int](), Around()
    named, moving, columns = dict[int, frozenset[str]](), set[int](), dict[int, frozenset[str]]()
    once = set[str]()
    for statement in migration.statements():
        kind = statement.kind
        lasts = any(each.lasting for each in effects_of(statement, kind, around))
        around.note_temporary(statement, kind)
        lasting += [statement.ordinal] * lasts
        structure = kind in TRACED and kind != "truncate table" and not runs_once(statement, kind)
        once |= {name.name.lower() for name in statement.names} if runs_once(statement, kind) else set()
        words = words_of(statement) if kind.startswith(("create ", "alter ", "rename ")) else []
        if lasts and not (structure and not (kind == "create table" and fills_from_query(statement))):
            data.append(Data(migration.name, statement.ordinal, statement.line, kind))
        elif kind.startswith("create ") and "IF NOT EXISTS" in " ".join(words[:8]):
            plain.add(statement.ordinal)
        if lasts and structure:
            named[statement.ordinal] = frozenset(name.name.lower() for name in statement.names)
            columns[statement.ordinal] = _columns_changed(statement) if kind == "alter table" else frozenset()
            if _moves(kind, words):
                moving.add(statement.ordinal)
        del statement  # before the next is read: each may be as long as memory allows
    return Contents(tuple(data), tuple(lasting), frozenset(plain), named, frozenset(moving), columns, frozenset(once))


def _moves(kind: str, words: Sequence[str]) -> bool:
    """May it put one object, or its rows, in the place of another? Rather yes than no."""
    if kind == "alter table":
        renames = any(word == "RENAME" and after not in OF_A_CLAUSE for word, after in pairwise([*words, ""]))
        return renames or not MOVING.isdisjoint(words)
    return kind == "rename table" or (kind == "create table" and "REPLACE" in words[:3])


def _columns_changed(statement: Statement) -> frozenset[str]:
    """The columns, in small letters, that an ALTER TABLE drops, modifies or changes."""
    found, waiting = set[str](), False
    for token in significant(statement.text):
        kind, word, _ = token
        if waiting and not (kind == "word" and word.upper() in BETWEEN):
            found.add(unquote(word).lower())
            waiting = False
        waiting = waiting or (kind == "word" and word.upper() in TO_COLUMN)
    return frozenset(found)
