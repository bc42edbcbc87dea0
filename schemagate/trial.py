"""Statements tried in the shadow, one after another, and what it says of them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from schemagate.errors import ConnectionLost, Interrupted
from schemagate.isolation import (
    LONGEST_DATA,
    MOST_DATA,
    NOT_GRANTED,
    NOT_PREPARABLE,
    OTHER_BYTES,
    OTHER_QUOTES,
    PREPARED,
    TRANSACTION,
    WITHOUT_STRUCTURE,
    beyond,
    fills_from_query,
    in_shadow,
    inside,
    says_no_structure,
    sets_the_session,
    settable,
)
from schemagate.keeper import Keeper
from schemagate.kinds import STRUCTURE
from schemagate.prepared import Prepared
from schemagate.programs import asleep
from schemagate.refusals import INTERRUPTED, NO_ROOM, NO_SUCH_DATABASE, SYNTAX, WORTH_A_RETRY, ServerError
from schemagate.scratch import not_granted
from schemagate.sql import Statement, quote
from schemagate.variables import without_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemagate.database import Connection
    from schemagate.migrations import Migration
    from schemagate.plan import Todo
    from schemagate.stop import Stop


@dataclass(frozen=True, slots=True)
class NotRehearsed:
    """A statement that was not tried, and why. `blind`: what comes after may depend on it."""

    migration: str
    ordinal: int
    line: int
    reason: str
    blind: bool


class Refused(Exception):
    """The shadow refused a statement of a migration."""

    def __init__(self, migration: Migration, statement: Statement, error: ServerError) -> None:
        error = without_values(error, statement)
        super().__init__(f"{migration.file}:{statement.line}: {error}")
        self.migration, self.statement, self.error = migration, statement, error


class Following(Protocol):
    """Whoever looks on while statements that change the structure are tried, with the name of their migration."""

    def before(self, migration: str, statement: Statement, kind: str, /) -> None:
        """It comes next."""

    def after(self, migration: str, statement: Statement, kind: str, /) -> None:
        """It worked."""


class Trial:
    """What is left of one file, tried in the shadow, in whose session it begins as every file does."""

    def __init__(
        self,
        todo: Todo,
        connection: Connection,
        name: str,
        database: str,
        stop: Stop,
        *,
        opening: Sequence[str],
        reaching: bool,
    ) -> None:
        """`name` is that of the shadow, `database` that of the live schema. `opening` is how a session begins.
        `reaching`: is there a function in the shadow that may change another schema?
        """
        self._todo, self._connection, self._name, self._database = todo, connection, name, database
        self._stop, self._reaching = stop, reaching
        self._unread = ""  # the modes and character sets under which we cannot read what a statement names
        self._temporary: list[str] = []
        self._keeper = Keeper(connection, opening)

    def run(self, following: Following | None) -> list[NotRehearsed]:
        """Try it; returns what was not tried. Ends after one on which what follows may depend. Raises Refused."""
        todo, data, prepared = self._todo, 0, Prepared()
        left_out: list[NotRehearsed] = []
        again = todo.resumption.again if todo.resumption else frozenset()
        reason: str | None
        for statement in todo.migration.statements():
            if self._stop.requested:
                raise Interrupted(
                    "Asked to stop during the rehearsal; the live schema was not touched.", self._stop.signum
                )
            kind = statement.kind
            known = prepared.data(statement, kind)
            prepared.note(statement, kind)
            if statement.ordinal < todo.first and (statement.ordinal not in again or kind not in STRUCTURE | {"set"}):
                del statement  # before the next is read: each may be as long as memory allows
                continue
            if statement.ordinal == todo.first and todo.resumption:
                for name, stand_in in todo.resumption.stand_ins:
                    self._connection.execute(stand_in)
                    self._temporary.append(name)
            if not statement.raw:  # nothing of it is left to be run
                del statement
                continue
            data += kind in PREPARED
            if data > MOST_DATA and kind in PREPARED:
                reason, blind = "one of very many data statements", False
                if data > MOST_DATA + 1:
                    del statement
                    continue  # said once
            else:
                if following and kind in STRUCTURE:
                    following.before(todo.migration.name, statement, kind)
                reason, blind = self._try(todo.migration, statement, kind)
                blind = blind and not (known or says_no_structure(statement))
                if following and kind in STRUCTURE and not reason:
                    following.after(todo.migration.name, statement, kind)
            if reason:
                left_out.append(NotRehearsed(todo.migration.name, statement.ordinal, statement.line, reason, blind))
                if blind:
                    break
            elif kind == "create temporary table":
                self._temporary += [name.name for name in statement.names[:1]]
            del statement
        return left_out

    def close(self) -> None:
        """Put its session back, and drop its temporary tables: they would hide the real ones from whoever looks
        afterwards.
        """
        with suppress(ServerError, ConnectionLost):
            self._keeper.put_back()
            for name in self._temporary:
                self._connection.execute(f"DROP TEMPORARY TABLE IF EXISTS {quote(name)}")

    def _try(self, migration: Migration, statement: Statement, kind: str) -> tuple[str | None, bool]:
        """Try one; returns why not (None if tried), and whether that makes the rest untrustworthy."""
        if kind in WITHOUT_STRUCTURE:
            return (None if kind in TRANSACTION else f"{kind.upper()} is not run in the shadow"), False
        if kind == "set":
            return self._set(migration, statement)
        if kind not in STRUCTURE and kind not in PREPARED:
            self._parse(migration, statement)
            return f"what {kind.upper()} does cannot be kept inside the shadow", True
        if kind in PREPARED and len(statement.raw) > LONGEST_DATA:
            return f"{kind.upper()} of more than {LONGEST_DATA >> 20} MiB is not prepared", False
        text, reason = inside(statement, self._database, self._name)
        reason = reason or beyond(statement, kind) or self._hidden(statement, kind)
        if reason:
            return reason, kind in STRUCTURE
        if kind in ("create event", "alter event"):
            text = asleep(text)
        if kind == "drop function" and text == statement.text:
            text = in_shadow(statement, self._name)
        try:
            if kind in PREPARED:
                self._connection.execute(f"PREPARE schemagate FROM {self._connection.literal(text)}")
            else:
                self._connection.run(text)
        except ServerError as error:
            if kind in PREPARED and error.errno == NOT_PREPARABLE:
                return f"{kind.upper()} cannot be prepared", False
            if error.errno in NOT_GRANTED:  # which says nothing of what it may do in its own schema
                raise not_granted(self._name, error) from error
            # Neither do these say anything of the statement.
            if error.errno in WORTH_A_RETRY | NO_ROOM | {INTERRUPTED}:
                raise
            self._still_there()
            # For people: the table that is missing is missing in their schema, too.
            said = ServerError(
                error.errno, error.text.replace(f"{quote(self._name)}.", "").replace(f"{self._name}.", "")
            )
            raise Refused(migration, statement, said) from error
        return None, False

    def _hidden(self, statement: Statement, kind: str) -> str | None:
        """Why this one may name the live schema where nobody sees it, after a SET or with what it calls."""
        if self._unread and (not statement.text.isascii() or any(quote in statement.text for quote in '"[')):
            return f"under {self._unread} a name may stand where a string is seen"
        if self._reaching and kind in ("create table", "create temporary table") and fills_from_query(statement):
            return "its query is run, and may call functions that change other schemas"
        return None

    def _set(self, migration: Migration, statement: Statement) -> tuple[str | None, bool]:
        if not settable(statement):
            return "SET with a query or a function is not run in the shadow", sets_the_session(statement)
        try:
            self._keeper.before(statement, "set")
            self._connection.run(statement.text)
            mode, charset = self._connection.execute("SELECT @@SESSION.sql_mode, @@character_set_client").rows[0]
        except ServerError as error:
            if "@" in statement.text.replace("@@", ""):
                return "SET from a user variable that only the live session knows", True
            raise Refused(migration, statement, error) from error
        self._unread = ", ".join(sorted((OTHER_QUOTES & {*mode.split(",")}) | (OTHER_BYTES & {charset})))
        return None, False

    def _still_there(self) -> None:
        """Raise ServerError where the shadow was dropped: MariaDB says then that a table is not there."""
        there = "SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s"
        if not self._connection.execute(there, self._name).rows:
            raise ServerError(NO_SUCH_DATABASE, f"Unknown database '{self._name}'")

    def _parse(self, migration: Migration, statement: Statement) -> None:
        """Let the server read what is not run here: preparing runs nothing. Raises Refused for what is no SQL to it."""
        if len(statement.raw) > LONGEST_DATA:
            return
        try:
            self._connection.execute(f"PREPARE schemagate FROM {self._connection.literal(statement.text)}")
        except ServerError as error:
            if error.errno == SYNTAX:  # all else may be right where it is run
                raise Refused(migration, statement, error) from error
