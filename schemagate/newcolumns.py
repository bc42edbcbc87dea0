"""What new columns hold in the rows that are there: asked of the server, in tables of the shadow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schemagate.foreseen import given, has_default, names_columns, of_the_row
from schemagate.lexer import quote
from schemagate.refusals import ServerError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemagate.database import Connection
    from schemagate.widening import Column

# The column that such a table begins with.
FIRST = "schemagate row"
# What a server says of a column for which its rows would need a value that nobody gave.
NO_DEFAULT = frozenset({1048, 1067, 1138, 1292, 1364, 1416})
# What a server says of a value that it cannot work out of a row. In a query it goes on; in strict mode it keeps none.
NO_VALUE = frozenset(
    {1264, 1265, 1292, 1365, 1366, 1406, 1411, 1441, 1690, 6527, *range(3140, 3158), *range(4035, 4043)}
)


@dataclass(frozen=True, slots=True)
class Held:
    """A table of one row, and which of the new columns are in it; `refused` are those that rows cannot have."""

    path: str = ""
    columns: frozenset[str] = field(default=frozenset())
    refused: frozenset[str] = field(default=frozenset())


class NewColumns:
    """Adds columns to tables of one row. `connection` works in the shadow, as a migration does when it begins; whoever
    reads the rows of the live tables can read these, too.
    """

    def __init__(self, connection: Connection, shadow: str) -> None:
        self._connection, self._shadow, self._count = connection, shadow, 0

    def held(self, new: Mapping[str, Column], clauses: Mapping[str, str]) -> Held:
        """What these columns hold where a table has rows, as far as that is the same in each row. `clauses` have their
        collations; both are by names in small letters.
        """
        self._count += 1
        path = f"{quote(self._shadow)}.{quote(f'rows {self._count}')}"
        there, refused = set[str](), set[str]()
        try:
            self._connection.execute(f"CREATE TABLE {path} ({quote(FIRST)} INT)")
            self._connection.execute(f"INSERT INTO {path} VALUES (1)")
            for name, each in new.items():
                if each.generated or (given(each) is None and has_default(each)) or each.counts or names_columns(each):
                    continue
                try:
                    self._connection.run(f"ALTER TABLE {path} ADD COLUMN {clauses[name]}")
                    there |= set() if of_the_row(each) else {name}
                except ServerError as error:
                    if error.errno in NO_DEFAULT | NO_VALUE:
                        refused.add(name)
        except ServerError:
            return Held()
        return Held(path, frozenset(there), frozenset(refused))
