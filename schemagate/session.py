"""What a migration may leave behind in the session, and what it may not rely on: each file begins in the same state."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from schemagate.effects import CHANGING_TABLES, INSERTING, LOOKED_AT, Around, effects_of
from schemagate.errors import MigrationInvalid
from schemagate.kinds import OPAQUE
from schemagate.lexer import quote
from schemagate.migrations import place
from schemagate.refusals import ServerError
from schemagate.resuming import GONE, Resumption, lost
from schemagate.variables import run
from schemagate.wording import INSERT_ID, named_variables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemagate.database import Connection
    from schemagate.log import Log
    from schemagate.plan import Todo
    from schemagate.sql import Statement

# These change nothing but the session: a later start runs them again, so an entry afterwards is enough.
SESSION = frozenset(
    {"set", "prepare", "deallocate", "create temporary table", "drop temporary table", "show", "explain"}
)
# After these the session may no longer be what we set it to be.
UNSETTLING = SESSION | OPAQUE | {"select", "do", "start transaction", "set global"}
# Variables that differ between two looks at a session though nobody set them.
RESTLESS = frozenset(
    {
        "error_count", "gtid_executed", "gtid_next", "gtid_owned", "identity", "insert_id", "last_gtid",
        "last_insert_id", "pseudo_slave_mode",
        "pseudo_thread_id", "rand_seed1", "rand_seed2", "rbr_exec_mode", "resultset_metadata", "statement_id",
        "warning_count", "timestamp", "in_transaction", "gtid_seq_no", "gtid_domain_id", "server_id",
    }
)  # fmt: skip
# Where all that these name is temporary, they are of the session alone.
ON_TEMPORARY = CHANGING_TABLES | INSERTING | {"update", "delete", "drop table"}
INSERT_ID_READ = re.compile(rb"last_insert_id|@@(session\.|local\.)?identity", re.IGNORECASE)


class Keeper:
    """Puts a session back as it was when a file began. Never by resetting the connection: that would free the lock."""

    def __init__(self, connection: Connection, opening: Sequence[str], log: Log) -> None:
        self._connection, self._opening, self._log = connection, opening, log
        self._variables: dict[str, str] | None = None
        self._changed: set[str] = set()

    def before(self, statement: Statement, kind: str) -> None:
        """Before a statement that may change the session: how the session was, and which names it makes there."""
        if kind not in UNSETTLING:
            return
        if self._variables is None:
            self._variables = self._session_variables()
        self._changed.add("")
        self._changed.update(f"@{quote(name[1:])}" for name in named_variables(statement.head(LOOKED_AT)))
        if kind == "create temporary table":
            self._changed.update(quote(name.name) for name in statement.names[:1])

    def put_back(self) -> None:
        if self._variables is None or not self._changed:
            return
        for text in self._opening:  # first, so that we can ask at all
            self._connection.execute(text)
        now = self._session_variables()
        for name, value in self._variables.items():
            if now.get(name) != value and name not in RESTLESS:
                text = value if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value) else self._connection.literal(value)
                self._set_back(f"SET SESSION {quote(name)} = {text}")
        self._set_back("SET timestamp = 0")
        for name in sorted(self._changed - {""}):
            self._set_back(f"SET {name} = NULL" if name.startswith("@") else f"DROP TEMPORARY TABLE IF EXISTS {name}")
        self._changed.clear()

    def _set_back(self, text: str) -> None:
        try:
            self._connection.run(text)
        except ServerError:
            # Variables that follow from others, and those that this account may not set (then neither could the file).
            self._log.debug("session.not_put_back", statement=text)

    def _session_variables(self) -> dict[str, str]:
        return {str(name): str(value) for name, value in self._connection.execute("SHOW SESSION VARIABLES").rows}


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
