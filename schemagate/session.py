"""What a migration may leave behind in the session, and what it may not rely on: each file begins in the same state."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from schemagate.errors import MigrationInvalid
from schemagate.lexer import quote
from schemagate.refusals import ServerError

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
UNSETTLING = SESSION | {"call", "execute", "select", "do", "start transaction", "set global"}
# Variables that differ between two looks at a session though nobody set them.
RESTLESS = frozenset(
    {
        "error_count", "gtid_executed", "gtid_next", "gtid_owned", "identity", "insert_id", "last_gtid",
        "last_insert_id", "pseudo_slave_mode",
        "pseudo_thread_id", "rand_seed1", "rand_seed2", "rbr_exec_mode", "resultset_metadata", "statement_id",
        "warning_count", "timestamp", "in_transaction", "gtid_seq_no", "gtid_domain_id", "server_id",
    }
)  # fmt: skip


NAMED = r"(?<![@\w'\"`])@([\w.$]+)"
QUOTED = r"(?<![@\w'\"`])@`((?:[^`]|``)+)`"
# `SET @a = …, @b = …` and `INTO @a`; an assignment inside an expression, `@a := …`, depends on too much.
ASSIGNED = r"(?:(?:\bset|\bset\b[^;]*,)\s+|\binto\s+)@([\w.$]+)"


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
        self._changed.update(f"@{quote(name)}" for name in variables_of(statement))
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


def refuse_lost_variables(todo: Todo) -> None:
    """Raise MigrationInvalid where the rest of a file reads a user variable that only an earlier session knew."""
    lost: set[str] = set()
    for statement in todo.migration.statements():
        names, assigned = variables_of(statement), assigned_by(statement)
        if statement.ordinal < todo.first:
            again = statement.kind == "set" and is_plain(statement) and not (names - assigned) & lost
            lost = lost - assigned if again else lost | names
            del statement
            continue
        if read := (names - assigned) & lost:
            name = min(read)
            raise MigrationInvalid(
                f"{todo.migration.file}:{statement.line}: @{name} was set by a statement that is applied, in a session "
                f"that is gone. Set it again in front of statement {statement.ordinal}, and start again.",
                file=todo.migration.file,
                line=statement.line,
                ordinal=statement.ordinal,
            )
        lost -= assigned
        del statement


def assigned_by(statement: Statement) -> set[str]:
    """The user variables that a SET or an INTO gives a value, and that it does not read."""
    text = statement.head(100_000)
    if "@" not in text:
        return set()
    given = [name.lower() for name in re.findall(ASSIGNED, text, re.IGNORECASE)]
    named = [name.lower() for name in re.findall(NAMED, text)]
    return {name for name in given if named.count(name) == given.count(name)}


def is_plain(statement: Statement) -> bool:
    """A SET of plain values: run again, it sets the same."""
    return re.search(rb"\(|select", statement.raw, re.IGNORECASE) is None


def variables_of(statement: Statement) -> set[str]:
    """The user variables that a statement names, in small letters; those of a very long one are not looked for."""
    text = statement.head(100_000)
    if "@" not in text:
        return set()
    quoted = {name.replace("``", "`") for name in re.findall(QUOTED, text)}
    return {name.lower() for name in quoted.union(re.findall(NAMED, text))}
