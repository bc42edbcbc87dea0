"""What a file may rely on in its session, where it is gone on with in the middle."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from schemagate.effects import CHANGING_TABLES, INSERTING, Around, effects_of
from schemagate.errors import MigrationInvalid
from schemagate.keeper import SESSION
from schemagate.migrations import place
from schemagate.refusals import ServerError
from schemagate.resuming import GONE, Resumption, lost
from schemagate.variables import run
from schemagate.wording import INSERT_ID

if TYPE_CHECKING:
    from schemagate.database import Connection
    from schemagate.keeper import Keeper
    from schemagate.plan import Todo
    from schemagate.sql import Statement

# Where all that these name is temporary, they are of the session alone.
ON_TEMPORARY = CHANGING_TABLES | INSERTING | {"update", "delete", "drop table"}
INSERT_ID_READ = re.compile(rb"last_insert_id|@@(session\.|local\.)?identity", re.IGNORECASE)


def passes(statement: Statement, kind: str, around: Around) -> bool:
    """Does it leave nothing behind but in the session, so that a start that knows of it no more may run it again?"""
    if kind in SESSION:
        calling = kind in ("set", "create temporary table") and b"(" in statement.raw
    elif around.temporary and kind in ON_TEMPORARY:
        calling = True
    else:
        return False
    return not calling or not any(each.lasting for each in effects_of(statement, kind, around))


class Resumed:
    """One file that is gone on with in the middle, in a session that is made to be as the one of before."""

    def __init__(self, todo: Todo, connection: Connection, keeper: Keeper) -> None:
        self._todo, self._connection, self._keeper = todo, connection, keeper
        self._plan = todo.resumption or Resumption()

    def again(self, statement: Statement, kind: str) -> None:
        """A statement that is applied: run it again if the rest needs that. Raises MigrationInvalid if it fails now."""
        if statement.ordinal not in self._plan.again:
            return
        self._keeper.before(statement, kind)
        try:
            run(self._connection, statement)
        except ServerError as error:
            migration = self._todo.migration
            raise MigrationInvalid(
                f"{migration.file}:{statement.line}: statement {statement.ordinal} is applied, and what it does in the "
                f"session is needed by the rest of the file; in a new session it fails: {error.errno}: {error.text}. "
                f"Write what the rest needs in front of statement {self._todo.first}, and start again.",
                **place(migration.file, statement),
                errno=error.errno,
                error=error.text,
            ) from error

    def before(self, statement: Statement) -> None:
        """Before one that is left. Raises MigrationInvalid where it asks LAST_INSERT_ID() for a row of before."""
        if statement.ordinal == self._todo.first:
            for _, text in self._plan.stand_ins:
                self._connection.execute(text)
            if self._plan.insert_id_lost:
                self._connection.execute("SET SESSION last_insert_id = 0")
        if self._plan.insert_id_lost and INSERT_ID_READ.search(statement.raw) and _reads_insert_id(statement):
            answer = self._connection.execute("SELECT LAST_INSERT_ID()").rows[0][0]
            if int(answer) == 0:
                raise lost(self._todo.migration.file, statement, INSERT_ID, self._todo.first - 1, GONE)


def _reads_insert_id(statement: Statement) -> bool:
    return any(INSERT_ID in each.reads for each in effects_of(statement, statement.kind, Around()))
