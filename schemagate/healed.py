"""What was healed here: the only writer of the table that says so. It is made when something is healed at last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemagate.lexer import quote
from schemagate.refusals import NO_SUCH_TABLE, ServerError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemagate.database import Connection
    from schemagate.ddl import Change
    from schemagate.journal import Journal

NAME = "schemagate_healed"
TABLE = """
        id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
        start_id BIGINT UNSIGNED NOT NULL,
        kind VARCHAR(20) NOT NULL,
        name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
        part VARCHAR(1000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL COMMENT 'of a table; empty for all of it',
        statement MEDIUMTEXT NOT NULL,
        begun_at DATETIME(6) NOT NULL COMMENT 'UTC',
        elapsed_ms DECIMAL(14,3) NULL,
        outcome ENUM('begun', 'healed', 'failed') NOT NULL,
        errno INT UNSIGNED NULL,
        error TEXT NULL,
        note VARCHAR(255) NULL COMMENT 'how the outcome is known, where not by running it'"""
FOUND, NOT_FOUND = "found there by a later start", "not found there by a later start"


def settle(connection: Connection, database: str) -> None:
    """Close what earlier starts began: it is there, where all is there that is expected. There may be no table."""
    try:
        connection.execute(
            f"UPDATE {quote(database)}.{NAME} SET outcome = 'healed', note = '{FOUND}' WHERE outcome = 'begun'"
        )
    except ServerError as error:
        if error.errno != NO_SUCH_TABLE:
            raise


class Healed:
    """The rows of one start. No start waits for one without an outcome: what is missing still is simply made again."""

    def __init__(self, connection: Connection, database: str, journal: Journal) -> None:
        self._connection, self._database, self._journal = connection, database, journal
        self._table = f"{quote(database)}.{NAME}"

    def open(self, missing: Iterable[Change]) -> None:
        """Make the table where it is missing; and close what earlier starts began, now that it is known what is
        `missing`.
        """
        self._connection.execute(
            f"CREATE TABLE IF NOT EXISTS {self._table} ({TABLE}) "
            "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci"
        )
        for change in missing:
            self._connection.execute(
                f"UPDATE {self._table} SET outcome = 'failed', note = '{NOT_FOUND}' "
                "WHERE outcome = 'begun' AND kind = %s AND name = %s AND part = %s",
                change.kind,
                change.name,
                change.part[:1000],
            )
        settle(self._connection, self._database)

    def begin(self, change: Change) -> None:
        """Note that this is about to be sent."""
        self._connection.execute(
            f"INSERT INTO {self._table} (start_id, kind, name, part, statement, begun_at, outcome) "
            "VALUES (%s, %s, %s, %s, %s, %s, 'begun')",
            self._journal.start_id,
            change.kind,
            change.name,
            change.part[:1000],
            self._journal.hidden(change.sql).encode(errors="replace"),
            self._journal.now(),
        )

    def end(self, outcome: str, elapsed_seconds: float, errno: int | None = None, error: str | None = None) -> None:
        """Note what became of what this start began last."""
        self._connection.execute(
            f"UPDATE {self._table} SET outcome = %s, elapsed_ms = %s, errno = %s, error = %s "
            "WHERE start_id = %s AND outcome = 'begun'",
            outcome,
            round(elapsed_seconds * 1000, 3),
            errno,
            error and self._journal.hidden(error),
            self._journal.start_id,
        )
