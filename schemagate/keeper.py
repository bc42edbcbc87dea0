"""Each file begins in the same state: what the one before has left behind in the session is put back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from schemagate.effects import LOOKED_AT
from schemagate.kinds import OPAQUE
from schemagate.lexer import quote
from schemagate.refusals import ServerError
from schemagate.wording import named_variables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemagate.database import Connection
    from schemagate.log import Log
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


class Keeper:
    """Puts a session back as it was when a file began. Never by resetting the connection: that would free the lock."""

    def __init__(self, connection: Connection, opening: Sequence[str], log: Log | None = None) -> None:
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
            if self._log:
                self._log.debug("session.not_put_back", statement=text)

    def _session_variables(self) -> dict[str, str]:
        return {str(name): str(value) for name, value in self._connection.execute("SHOW SESSION VARIABLES").rows}
