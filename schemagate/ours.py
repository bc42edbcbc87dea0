"""Our own tables in the database that schemagate guards: what they are made of, and how they are brought up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemagate.history import COMPATIBLE, TRACE
from schemagate.lexer import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemagate.database import Connection

TABLES = {
    "schemagate_starts": """
        id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
        command VARCHAR(20) NOT NULL,
        host VARCHAR(255) NOT NULL COMMENT 'host or pod',
        version VARCHAR(64) NOT NULL COMMENT 'of schemagate',
        revision VARCHAR(255) NULL COMMENT 'of the image, where it says',
        account VARCHAR(255) NOT NULL,
        connection_id BIGINT UNSIGNED NOT NULL,
        server_uuid VARCHAR(64) NOT NULL,
        server_version VARCHAR(64) NOT NULL,
        began_at DATETIME(6) NOT NULL COMMENT 'UTC',
        elapsed_ms BIGINT UNSIGNED NULL,
        applied INT UNSIGNED NULL COMMENT 'statements',
        exit_code SMALLINT UNSIGNED NULL,
        event VARCHAR(40) NULL,
        message TEXT NULL""",
    "schemagate_journal": """
        id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
        migration VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
        ordinal INT UNSIGNED NOT NULL COMMENT 'place of the statement in the file, from 1',
        statements INT UNSIGNED NOT NULL COMMENT 'in the file, then',
        line INT UNSIGNED NOT NULL,
        kind VARCHAR(40) NOT NULL,
        checksum BINARY(32) NOT NULL,
        start_id BIGINT UNSIGNED NOT NULL,
        connection_id BIGINT UNSIGNED NOT NULL,
        server_uuid VARCHAR(64) NOT NULL,
        begun_at DATETIME(6) NOT NULL COMMENT 'UTC',
        elapsed_ms DECIMAL(14,3) NULL,
        outcome ENUM('begun', 'applied', 'failed') NOT NULL,
        rows_changed BIGINT UNSIGNED NULL,
        errno INT UNSIGNED NULL,
        error TEXT NULL,
        note VARCHAR(255) NULL COMMENT 'how the outcome is known, where not by running it',
        hashes_before MEDIUMTEXT NULL COMMENT 'while begun: of what the statement can change',
        hashes_after MEDIUMTEXT NULL COMMENT 'while begun: the same, as its rehearsal left it',
        compatible_with VARCHAR(255) NULL COMMENT 'of the migration: code up to this one works',
        KEY place (migration, ordinal)""",
    "schemagate_verified": """
        id TINYINT UNSIGNED NOT NULL PRIMARY KEY,
        form INT UNSIGNED NOT NULL,
        files BINARY(32) NOT NULL COMMENT 'SHA-256 of migrations and snapshot',
        server_uuid VARCHAR(64) NOT NULL,
        server_version VARCHAR(64) NOT NULL,
        fingerprint TEXT NOT NULL COMMENT 'SHA-256 of what was found, per kind of object',
        proof VARCHAR(20) NOT NULL,
        strangers MEDIUMTEXT NOT NULL COMMENT 'tables that no migration makes, as JSON',
        start_id BIGINT UNSIGNED NOT NULL,
        verified_at DATETIME(6) NOT NULL COMMENT 'UTC'""",
}


# What earlier versions made our tables without.
ADDED = {"schemagate_journal": (*TRACE, COMPATIBLE)}


def qualified(database: str) -> dict[str, str]:
    """Our tables as statements name them, with their schema: a migration may have left the session in another one."""
    return {name: f"{quote(database)}.{name}" for name in TABLES}


def make(connection: Connection, database: str) -> None:
    """Make our tables where they are missing, and bring them up to date."""
    tables = qualified(database)
    for name, columns in TABLES.items():
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS {tables[name]} ({columns}) "
            "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci"
        )
    for name, added in ADDED.items():
        _complete(connection, name, tables[name], added)


def _complete(connection: Connection, name: str, table: str, columns: Sequence[str]) -> None:
    """Add the columns to one of our tables that an earlier version made."""
    there = connection.execute(f"SELECT * FROM {table} LIMIT 0").columns
    made = {line.split()[0]: line.strip().rstrip(",") for line in TABLES[name].splitlines() if line.strip()}
    missing = [f"ADD COLUMN {made[column]}" for column in columns if column not in there]
    if missing:
        connection.execute(f"ALTER TABLE {table} {', '.join(missing)}")
