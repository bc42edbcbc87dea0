"""Files -> migrations."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from schemagate.errors import MigrationInvalid
from schemagate.sql import Statement, decode, statements

if TYPE_CHECKING:
    from schemagate.files import Files

CHUNK_BYTES = 1 << 16
CHECKSUM_BYTES = 32

# What no migration may hold, and the way out. Each would take from us what we promise: to know which schema we
# work in, to
# hold the lock, and to know what was committed.
FORBIDDEN = {
    "use": "a migration runs in the schema of the gate; qualify the name, or run another gate for the other schema",
    "alter database": "it would change the schema under the gate; run it by hand, once",
    "drop database": "it would drop the schema under the gate",
    "lock tables": "it commits what is open and locks out the journal; leave it out, only one start runs at a time",
    "unlock tables": "it commits what is open; leave it out, only one start runs at a time",
    "rollback": "a migration that takes back its own work has no outcome to record; leave both out",
    "xa": "a prepared XA transaction outlives the start; use START TRANSACTION … COMMIT",
    "set autocommit": "what is committed would be unknown; write START TRANSACTION … COMMIT instead",
    "shutdown": "it would end the server",
    "kill": "it would end other sessions",
}
# Settings of the session under which our own statements would fail, or never be committed.
UNSETTABLE = (
    r"\b(completion_type|transaction_read_only|tx_read_only|max_statement_time|sql_select_limit\s*:?=\s*0)\b"
    r"|\btransaction\s+read\s+only\b|`autocommit`"
)


@dataclass(frozen=True, slots=True)
class Migration:
    """One SQL file, read and found to be SQL.

    `name` is the file's name without `.sql`: its identity and, compared by code points, its place in the order.
    `checksums` are those of its statements, 32 bytes each. The text stays in the file: memory does not grow with it.
    """

    name: str
    path: str
    checksums: bytes

    @property
    def file(self) -> str:
        """The file's name, as messages give it."""
        return f"{self.name}.sql"

    @property
    def count(self) -> int:
        """How many statements it has."""
        return len(self.checksums) // CHECKSUM_BYTES

    def checksum(self, ordinal: int) -> bytes:
        """That of one statement, from 1."""
        return self.checksums[(ordinal - 1) * CHECKSUM_BYTES : ordinal * CHECKSUM_BYTES]

    def statements(self) -> Iterator[Statement]:
        """Its statements, read anew from the file. Raises MigrationInvalid if they are not those of before."""
        count = 0
        for statement in read_statements(self.path):
            count = statement.ordinal
            if statement.checksum != self.checksum(count):
                raise _changed(self.file, statement.line)
            yield statement
        if count != self.count:
            raise _changed(self.file, None)


@dataclass(frozen=True, slots=True)
class Migrations:
    """All that a directory says: the migrations in order, the snapshot file if there is one, and a digest of all.

    `digest` is a SHA-256 over names and bytes of the migrations and the snapshot: equal digests, equal files.
    """

    directory: str
    all: tuple[Migration, ...]
    snapshot: str | None
    digest: bytes

    @property
    def sha256(self) -> str:
        """Over the names and statements in order, as hex digits; line ends do not count. The snapshot's header has
        it.
        """
        total = hashlib.sha256()
        for migration in self.all:
            total.update(migration.name.encode() + b"\0" + migration.checksums)
        return total.hexdigest()

    def tables(self) -> tuple[str, ...]:
        """The tables that the migrations make and do not drop or rename again, as far as their texts tell; sorted."""
        there: set[str] = set()
        for migration in self.all:
            for statement in migration.statements():
                kind = statement.kind
                if kind in ("create table", "create view"):
                    there.update(name.name for name in statement.names[:1])
                elif kind in ("drop table", "drop view"):
                    there.difference_update(name.name for name in statement.names)
                elif kind == "rename table":
                    there.difference_update(name.name for name in statement.names[::2])
                    there.update(name.name for name in statement.names[1::2])
        return tuple(sorted(there))


@cache
def load(files: Files) -> Migrations:
    """Read every file once and check that it is SQL a migration may hold. Raises MigrationInvalid with file and
    line.
    """
    return Migrations(files.directory, tuple(map(_load_one, files.paths)), files.snapshot, files.digest)


def _load_one(path: str) -> Migration:
    file = os.path.basename(path)
    checksums = bytearray()
    transaction: int | None = None
    for statement in read_statements(path):
        kind = statement.kind  # found anew whenever it is asked for
        _allow(statement, kind, file)
        transaction = _transaction_after(statement.line, kind, transaction)
        checksums += statement.checksum
    if transaction is not None:
        raise MigrationInvalid(
            f"{file}:{transaction}: the transaction that begins here has no COMMIT; add it.",
            file=file,
            line=transaction,
        )
    return Migration(file.removesuffix(".sql"), path, bytes(checksums))


def _transaction_after(line: int, kind: str, open_from: int | None) -> int | None:
    """The line where the transaction began that is open after the statement of this line; None if none is."""
    if kind == "start transaction":
        return line
    ends = kind == "commit" or kind.split()[0] in ("create", "alter", "drop", "rename", "truncate")
    return None if ends and "temporary" not in kind else open_from


def read_statements(path: str) -> Iterator[Statement]:
    """The statements of a file, streaming. Raises MigrationInvalid for what is not UTF-8 or not SQL."""
    name = os.path.basename(path)
    try:
        with open(path, "rb") as file:
            yield from statements(decode(iter(lambda: file.read(CHUNK_BYTES), b""), name), name)
    except OSError as error:
        raise MigrationInvalid(f"{name} cannot be read: {error.strerror}.", file=name) from error


def _allow(statement: Statement, kind: str, file: str) -> None:
    reason = FORBIDDEN.get(kind)
    if reason is None and kind in ("select", "do", "set") and "release_all_locks" in statement.text.lower():
        reason = "it would release the lock that keeps other starts out"
    if reason is None and kind == "select" and _writes_file(statement.text):
        reason = "INTO OUTFILE and INTO DUMPFILE write on the server's disk, which no later start can look at"
    if reason is None and kind == "set" and re.search(UNSETTABLE, statement.text, re.IGNORECASE):
        reason = "the journal is written in the same session, and could not be; leave it out"
    if reason is None and kind == "commit" and _words(statement.text) - {"commit", "work"}:
        reason = "AND CHAIN and RELEASE begin or end more than this transaction; write COMMIT alone"
    if reason is not None:
        raise MigrationInvalid(
            f"{file}:{statement.line}: {kind.upper()} may not be in a migration: {reason}.",
            file=file,
            line=statement.line,
            ordinal=statement.ordinal,
        )


def _writes_file(text: str) -> bool:
    from itertools import pairwise

    from schemagate.sql import tokens

    words = [token.text.lower() for token in tokens(text) if token.kind == "word"]
    return any(pair in (("into", "outfile"), ("into", "dumpfile")) for pair in pairwise(words))


def _words(text: str) -> set[str]:
    from schemagate.sql import tokens

    return {token.text.lower() for token in tokens(text) if token.kind == "word"}


def _changed(file: str, line: int | None) -> MigrationInvalid:
    return MigrationInvalid(f"{file} changed while this start was reading it; start again.", file=file, line=line)


def excerpt(text: str) -> str:
    """The beginning of a statement, on one line, for a message."""
    line = " ".join(text[:2000].split())
    return line if len(line) <= 300 else line[:299] + "…"
