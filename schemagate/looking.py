"""Looking at single objects again, in a session that a migration has made its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from schemagate import schema
from schemagate.database import Result, given
from schemagate.hashes import key_of
from schemagate.isolation import OTHER_QUOTES
from schemagate.listing import (
    AS_IT_IS,
    AS_UTF8,
    NOT_ALLOWED,
    TRIGGER_COLUMNS,
    Listed,
    acting,
    listing,
    named,
    parse_listing,
    session_for_reading,
    text,
    with_text,
)
from schemagate.refusals import NO_SUCH_DATABASE, ServerError
from schemagate.shapes import completed
from schemagate.sql import quote

if TYPE_CHECKING:
    from schemagate.database import Connection
    from schemagate.schema import Schema, SchemaObject

ABSENT = frozenset({1146, 1305, 1539, 4091})
BROKEN = 1356  # a view on what is not there; SHOW CREATE VIEW writes it all the same
NO_VIEW = 1347
# What decides how the server writes a text, and reads ours. To be put back for the rest of the file.
KEPT = (
    "sql_mode", "time_zone", "character_set_client", "character_set_results", "sql_big_selects", "sql_select_limit",
)  # fmt: skip
TRIGGER_TABLE = TRIGGER_COLUMNS.index("Table")
UNSURE = "?"  # may stand for a character that the session's character set does not have


class Unseen(Exception):
    """The account cannot see this kind of object in full, or a temporary table hides the one that is meant."""


class Looker:
    """Reads objects of a session's default schema, and leaves the session as it was."""

    def __init__(self, connection: Connection, flavour: str) -> None:
        self._connection, self._flavour = connection, flavour

    @property
    def connection(self) -> Connection:
        """The session, for questions about rows."""
        return self._connection

    @property
    def flavour(self) -> str:
        """The flavour of the server."""
        return self._flavour

    @property
    def folds(self) -> bool:
        """Are the names of tables the same in upper and lower case here?"""
        return self._where[1]

    @property
    def has_other_quotes(self) -> bool:
        """Does the session take "x" for a name?"""
        mode = self._connection.execute("SELECT @@SESSION.sql_mode").rows[0][0]
        return not OTHER_QUOTES.isdisjoint(str(mode).split(","))

    def may_use(self, schema: str) -> bool:
        """Has the account any right on a schema of this name, be it there or not?"""
        try:
            self._connection.execute(f"SHOW CREATE DATABASE {quote(schema)}")
        except ServerError as error:
            return error.errno == NO_SUCH_DATABASE
        return True

    def everything(self) -> Schema:
        """The whole schema."""
        with self._as_for_reading():
            return schema.read(self._connection, self._flavour, self._charsets)

    def objects(self, keys: Iterable[str]) -> dict[str, SchemaObject | None]:
        """The objects with these keys, None for what is not there. Raises Unseen where that cannot be told."""
        wanted = [tuple(key.split(" ", 1)) for key in sorted(keys)]
        hidden = {kind for kind, _ in wanted} & self._where[0].unseen
        if hidden:
            raise Unseen(f"this account cannot see every {min(hidden)}")
        found: dict[str, SchemaObject | None] = dict.fromkeys(" ".join(each) for each in wanted)
        with self._as_for_reading():
            for kind, name in wanted:
                if kind != "trigger":
                    found[f"{kind} {name}"] = self._one(kind, name)
            if any(kind == "trigger" for kind, _ in wanted):
                found |= self._triggers(found.keys())
        return found

    def _triggers(self, keys: Set[str]) -> dict[str, SchemaObject]:
        """Those of the triggers with these keys that are there; each has its place among all of its table."""
        acted = acting(self._connection.execute("SHOW TRIGGERS"))
        triggers = {key_of("trigger", row[0], self.folds): row for row in acted}
        tables = {row[TRIGGER_TABLE] for key, row in triggers.items() if key in keys}
        near = tuple(row for row in triggers.values() if row[TRIGGER_TABLE] in tables)
        asked = {("trigger", row[0]): f"SHOW CREATE TRIGGER {quote(row[0])}" for row in near}
        answers = dict(zip(asked, self._connection.packet([*asked.values()]) if asked else (), strict=True))
        if any(isinstance(answer, ServerError) and answer.errno in NOT_ALLOWED for answer in answers.values()):
            raise Unseen("this account cannot see every trigger")
        there = self._assembled(self._where[0]._replace(triggers=near), answers)
        by_key = {key_of("trigger", each.name, self.folds): each for each in there}
        return {key: each for key, each in by_key.items() if key in keys}

    def _one(self, kind: str, name: str) -> SchemaObject | None:
        answer = self._asked(kind, name)
        if answer is None:
            return None
        if isinstance(answer, ServerError):
            return schema.unprintable(name, answer)
        nothing = self._where[0]
        if kind == "event":
            listed = nothing._replace(events=((name, False),))
        elif kind != "table":
            listed = nothing._replace(routines=((kind, name),))
        elif "View" in answer.columns:
            kind, listed = "view", nothing._replace(views=(name,))
        elif _is_sequence(answer):
            kind, listed = "sequence", nothing._replace(sequences=(name,))
            again = self._asked(kind, name)
            answer = again if isinstance(again, Result) else answer
        else:
            listed = nothing._replace(tables=(name,))
            if text(answer.rows[0][1]).startswith("CREATE TEMPORARY TABLE"):
                raise Unseen(f"a temporary table hides {name}")
            answer = self._completed(name, self._exact(name, answer))
        found = self._assembled(listed, {(kind, name): answer})
        if not found:
            raise Unseen(f"this account cannot see the text of {kind} {name}")
        return found[0]

    def _asked(self, kind: str, name: str) -> Result | ServerError | None:
        """What the server shows of it; None where it is not there, and the error of a view that it cannot show."""
        try:
            return self._connection.execute(f"SHOW CREATE {kind.upper()} {quote(name)}")
        except ServerError as error:
            if error.errno in ABSENT:
                return None
            if error.errno == BROKEN and kind == "table":
                return self._asked("view", name)
            if error.errno in NOT_ALLOWED:
                raise Unseen(f"this account cannot see {kind} {name}") from error
            if kind == "view" and schema.is_unprintable(error) and error.errno != NO_VIEW:
                return error
            if kind == "table" and schema.is_unprintable(error):
                view = self._asked("view", name)
                if isinstance(view, ServerError):
                    return view
            raise

    def _exact(self, name: str, answer: Result) -> Result:
        """A table's text with what is beyond ASCII in it as it is, as in a whole reading."""
        create = text(answer.rows[0][1])
        if create.isascii() and UNSURE not in create:
            return answer
        asked = f"SHOW CREATE TABLE {quote(name)}"
        return given(self._connection.packet([AS_IT_IS, asked, AS_UTF8])[1])

    def _completed(self, name: str, answer: Result) -> Result:
        """A table's text with what MariaDB leaves out."""
        if self._flavour != "mariadb":
            return answer
        create = text(answer.rows[0][1])
        found = completed(self._connection, self._where[0].database, {name: create})
        return with_text(answer, found[name]) if found else answer

    def _assembled(self, listed: Listed, answers: Mapping[tuple[str, str], Result | Exception]) -> list[SchemaObject]:
        nothing = Result((), (), 0)
        results = [answers.get(key, nothing) for key in named(listed)]
        return list(schema.assemble(listed, results, self._charsets, self._flavour).objects.values())

    @cached_property
    def _where(self) -> tuple[Listed, bool]:
        """The default schema with nothing in it; and whether it folds the names of tables."""
        questions = listing()
        where, grants = (self._connection.execute(questions[at]) for at in (0, -1))
        none = Result(("Trigger",), (), 0)
        return parse_listing([where, none, none, none, none, grants]), int(where.rows[0][2]) != 0

    @cached_property
    def _charsets(self) -> dict[str, str]:
        return schema.parse_charsets(self._connection.execute(schema.CHARSETS))

    @contextmanager
    def _as_for_reading(self) -> Iterator[None]:
        """In one question each, the session as it has to be for reading, and as it was."""
        (for_reading,) = session_for_reading(self._flavour)
        kept = ", ".join(f"@schemagate_{name} = @@SESSION.{name}" for name in KEPT)
        self._connection.execute(
            f"SET {kept}, SESSION character_set_client = utf8mb4, SESSION character_set_results = utf8mb4, "
            f"{for_reading.removeprefix('SET ')}"
        )
        try:
            yield
        finally:
            back = ", ".join(f"SESSION {name} = @schemagate_{name}" for name in KEPT)
            self._connection.execute(f"SET {back}")


def _is_sequence(answer: Result) -> bool:
    create = text(answer.rows[0][1])
    return "SEQUENCE=1" in create and "`next_not_cached_value`" in create
