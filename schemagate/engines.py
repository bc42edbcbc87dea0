"""Which tables can take a statement back: those in InnoDB."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from schemagate.lexer import quote
from schemagate.refusals import NO_SUCH_TABLE, ServerError

if TYPE_CHECKING:
    from schemagate.database import Connection
    from schemagate.sql import Statement


class Engines:
    """The engines of the tables that statements name, asked for once, until something may have changed them."""

    def __init__(self, connection: Connection, database: str) -> None:
        self._connection, self._database = connection, database
        self._known: dict[tuple[str | None, str], bool] = {}

    def forget(self) -> None:
        """After a statement that may change the answer."""
        self._known.clear()

    def transactional(self, statement: Statement) -> bool:
        """Do all tables that it names live in InnoDB? Not so for one that names none."""
        named = {(name.schema, name.name) for name in statement.names}
        for schema, name in named - self._known.keys():
            self._known[schema, name] = self._in_innodb(schema or self._database, name)
        return bool(named) and all(self._known[each] for each in named)

    def _in_innodb(self, schema: str, name: str) -> bool:
        """By the text of the table: information_schema takes MySQL ten times as long after each change of structure."""
        try:
            text = str(self._connection.execute(f"SHOW CREATE TABLE {quote(schema)}.{quote(name)}").rows[0][1])
        except ServerError as error:
            return error.errno == NO_SUCH_TABLE  # the statement gives it a meaning of its own, or fails
        # One such line end, or somebody has it in a name; a view has none.
        return text.count("\n) ") == 1 and re.search(r"\n\) (/\*.*?\*/ )?ENGINE=InnoDB\b", text) is not None
