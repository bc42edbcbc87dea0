"""Which tables a statement of data changes, and which of them can take it back: those in InnoDB."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from schemagate.effects import INSERTING, LOOKED_AT
from schemagate.lexer import quote
from schemagate.names import names_of
from schemagate.refusals import NO_SUCH_TABLE, ServerError
from schemagate.wording import may_change, said

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemagate.database import Connection
    from schemagate.names import Name
    from schemagate.sql import Statement

# No table has another engine after these, and after ALTER and CREATE TABLE only by these words.
KEEPING = frozenset(
    f"{verb} {noun}"
    for verb in ("create", "alter", "drop")
    for noun in ("index", "trigger", "procedure", "function", "event")
)
MOVING = re.compile(rb"engine|rename", re.IGNORECASE)
CHOOSING = re.compile(rb"engine|like|exists|/\*", re.IGNORECASE)

# A statement that begins so names what it changes first, and then only what it reads.
ONE_TARGET = re.compile(rb"\s*(INSERT|REPLACE|LOAD)\b", re.IGNORECASE)

LISTED = "SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s AND ENGINE = 'InnoDB'"


def changed_by(statement: Statement, kind: str) -> Sequence[Name]:
    """The tables that a statement of data changes, and not those that it only reads; rather one too many."""
    names = statement.names
    if len(names) < 2:
        return names
    if kind in INSERTING:
        return names[:1] if ONE_TARGET.match(statement.raw) else names
    found = said(statement.head(LOOKED_AT))
    if found[0].text not in ("UPDATE", "DELETE") or len(statement.raw) > LOOKED_AT:
        return names
    texts = [word.text for word in found]
    if kind == "update" and "SET" in texts and not {",", "JOIN", "STRAIGHT_JOIN", "("} & {*texts[: texts.index("SET")]}:
        return names[:1]
    return [name for name in names if may_change(kind, found, {name.name.lower()})]


class Engines:
    """The engines of the tables that statements name, asked for once, until something may have changed them.

    A table that this session made without saying in which engine is in the one of the others made so: only the first of
    them is asked about. That saves the server to open a table that it has just made, for us alone.
    """

    def __init__(self, connection: Connection, database: str) -> None:
        self._connection, self._database = connection, database
        self._known: dict[tuple[str | None, str], bool] = {}
        self._by_default: set[str] = set()  # tables of this session, made without naming an engine
        self._default: bool | None = None  # is that InnoDB?

    def forget(self) -> None:
        """After a statement that may change any answer."""
        self._known.clear()
        self._by_default.clear()
        self._default = None

    def begun(self, statement: Statement, kind: str) -> None:
        """A statement is run that commits by itself; if it fails, nobody will ask any more."""
        if kind == "create table" and not CHOOSING.search(statement.raw):
            for made in statement.names[:1]:
                self._known.pop((made.schema, made.name), None)
                if made.schema is None:
                    self._by_default.add(made.name)
        elif kind not in KEEPING and (kind != "alter table" or MOVING.search(statement.raw)):
            self.forget()

    def transactional(self, statement: Statement, kind: str) -> bool:
        """Do all tables that it changes live in InnoDB, as far as its text tells? Not so for one that names none."""
        named = {(name.schema, name.name) for name in changed_by(statement, kind)}
        for schema, name in named - self._known.keys():
            self._known[schema, name] = self._found(schema, name)
        return bool(named) and all(self._known[each] for each in named)

    def _found(self, schema: str | None, name: str) -> bool:
        if schema is not None or name not in self._by_default:
            return self._in_innodb(schema or self._database, name)
        if self._default is None:
            self._default = self._in_innodb(self._database, name)
        return self._default

    def _in_innodb(self, schema: str, name: str) -> bool:
        """By the text of the table: information_schema takes MySQL ten times as long after each change of structure."""
        try:
            answer = self._connection.execute(f"SHOW CREATE TABLE {quote(schema)}.{quote(name)}")
        except ServerError as error:
            return error.errno == NO_SUCH_TABLE  # the statement gives it a meaning of its own, or fails
        text = str(answer.rows[0][1])
        if "View" in answer.columns:  # and so for all that it is made of
            made_of = names_of(text)[1:]
            return bool(made_of) and all(self._in_innodb(each.schema or schema, each.name) for each in made_of)
        if text.endswith(")") and text.startswith("CREATE TABLE"):  # under sql_mode ANSI it says nothing of the engine
            return bool(self._connection.execute(LISTED, schema, name).rows)
        # One such line end, or somebody has it in a name.
        return text.count("\n) ") == 1 and re.search(r"\n\) (/\*.*?\*/ )?ENGINE=InnoDB\b", text) is not None
