"""What no migration may hold, and the way out. Pure."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from schemagate.errors import MigrationInvalid
from schemagate.lexer import significant
from schemagate.moved import TABLES, moved
from schemagate.server import OURS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemagate.sql import Statement

# Each would take from us what we promise: to know which schema we work in, to hold the lock, and to know what was
# committed.
FORBIDDEN = {
    "use": "a migration runs in the schema of the gate; qualify the name, or run another gate for the other schema",
    "alter database": "it would change the schema under the gate; run it by hand, once",
    "drop database": "it would drop the schema under the gate",
    "lock tables": "it commits what is open and locks out the journal; leave it out, only one start runs at a time",
    "unlock tables": "it commits what is open; leave it out, only one start runs at a time",
    "lock instance": "it keeps us from our own tables; leave it out",
    "unlock instance": "it belongs to LOCK INSTANCE, which may not be in a migration; leave it out",
    "rollback": "a migration that takes back its own work has no outcome to record; leave both out",
    "xa": "a prepared XA transaction outlives the start; use START TRANSACTION … COMMIT",
    "set autocommit": "what is committed would be unknown; write START TRANSACTION … COMMIT instead",
    "shutdown": "it would end the server",
    "kill": "it would end other sessions",
    "backup": "it locks out the journal; leave it out",
}
# Settings of the session under which our own statements would fail, or never be committed.
UNSETTABLE = (
    rb"\b(completion_type|transaction_read_only|tx_read_only|max_statement_time|sql_select_limit\s*:?=\s*0)\b"
    rb"|\bcharacter_set_results\s*:?=\s*['\"]?(utf16|utf32|ucs2)"
    rb"|\btransaction\s+read\s+only\b|`autocommit`|\A\s*set\s+role\b"
)
# The statements, beside those on tables and views, that make an object with a name of ours.
OTHERS = frozenset({"create temporary table", "create sequence", "create trigger"})


def allow(statement: Statement, kind: str, file: str) -> None:
    """Raises MigrationInvalid for a statement that may not be in a migration, with the reason."""
    reason = FORBIDDEN.get(kind)
    if reason is None and kind in ("select", "do", "set") and _says(rb"release_all_locks", statement):
        reason = "it would release the lock that keeps other starts out"
    if reason is None and kind == "select" and _says(rb"outfile|dumpfile", statement) and _writes_file(statement):
        reason = "INTO OUTFILE and INTO DUMPFILE write on the server's disk, which no later start can look at"
    if reason is None and kind == "set" and _says(UNSETTABLE, statement):
        reason = "the journal is written in the same session, and could not be; leave it out"
    if reason is None and kind == "set" and _says(rb"\A\s*set\s+transaction\b", statement):
        reason = "it is for the next transaction alone, which may be the journal's; write SET SESSION TRANSACTION"
    if reason is None and kind == "commit" and set(_words(statement)) - {"COMMIT", "WORK"}:
        reason = "AND CHAIN and RELEASE begin or end more than this transaction; write COMMIT alone"
    if reason is None and kind == "start transaction" and {"READ", "ONLY"} <= set(_words(statement)):
        reason = "the journal is written in the same transaction, and could not be; leave READ ONLY out"
    if reason is None and kind == "flush" and {"READ", "EXPORT"} & set(_words(statement)):
        reason = "WITH READ LOCK and FOR EXPORT lock out the journal; leave it out"
    if reason is None and kind in TABLES | OTHERS and _says(OURS.encode(), statement) and _takes_ours(statement, kind):
        reason = f"the name that it gives begins with {OURS}, as only those of schemagate do; choose another"
    if reason is not None:
        raise MigrationInvalid(
            f"{file}:{statement.line}: {kind.upper()} may not be in a migration: {reason}.",
            file=file,
            line=statement.line,
            ordinal=statement.ordinal,
        )


def _takes_ours(statement: Statement, kind: str) -> bool:
    return any(new and new.name.lower().startswith(OURS) for _, new in moved(statement, kind))


def _says(pattern: bytes, statement: Statement) -> bool:
    return re.search(pattern, statement.raw, re.IGNORECASE) is not None


def _writes_file(statement: Statement) -> bool:
    return any(pair in (("INTO", "OUTFILE"), ("INTO", "DUMPFILE")) for pair in pairwise(_words(statement)))


def _words(statement: Statement) -> Iterator[str]:
    return (word for kind, word, _ in significant(statement.raw) if kind == "word")
