"""Files -> migrations."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from schemagate.checksums import Checksums
from schemagate.directives import keeps_working, know
from schemagate.errors import MigrationInvalid
from schemagate.files import is_repeatable, unreadable
from schemagate.forbidden import allow
from schemagate.hints import runs
from schemagate.moved import TABLES, moved
from schemagate.repeatable import Repeatable
from schemagate.sql import Statement, decode, statements
from schemagate.variables import HEAD_BYTES, Filler, Problem, refusal

if TYPE_CHECKING:
    from schemagate.files import Files
    from schemagate.names import Name
    from schemagate.server import Server
    from schemagate.sources import Variables

CHUNK_BYTES = 1 << 16
# Statements of short files stay in memory, up to so much in all: a start looks at them five times.
KEPT_BYTES = 1 << 22
STATEMENT_BYTES = 300  # what one takes beside its text


@dataclass(frozen=True, slots=True)
class Migration:
    """One SQL file, read and found to be SQL.

    `name` is the file's name without `.sql`: its identity and, compared by code points, its place in the order, in
    which those that are `repeatable` come last. `variables` are the values that it may ask for. `checksums` are those
    of its statements, `chunks` the SHA-256 of each 64 KiB of it. The text of a long one stays in the file: memory
    hardly grows with it. The statements of a short one may be `kept`.

    `compatible_with` is the earlier migration that it names so: code that knows the migrations up to that one works
    with the schema after this one, too. `triggered` are the tables, in small letters, on which it makes triggers.
    """

    name: str
    path: str
    checksums: Checksums
    chunks: bytes = b""
    kept: tuple[Statement, ...] | None = None
    compatible_with: str | None = None
    variables: Variables = ()
    triggered: frozenset[str] = frozenset()

    @property
    def repeatable(self) -> bool:
        """Is it run again whenever it has changed, as a whole?"""
        return is_repeatable(self.name)

    @property
    def file(self) -> str:
        """The file's name, as messages give it."""
        return f"{self.name}.sql"

    @property
    def count(self) -> int:
        """How many statements it has."""
        return self.checksums.count

    def creates(self) -> frozenset[tuple[str, str]]:
        """Kind and name, in small letters, of what its CREATE statements are about."""
        made: set[tuple[str, str]] = set()
        for statement in self.statements():
            if statement.kind.startswith("create "):
                made |= {(statement.kind.removeprefix("create "), name.name.lower()) for name in statement.names[:1]}
            del statement
        return frozenset(made)

    def statements(self) -> Iterator[Statement]:
        """Its statements, as they were kept or read anew. Raises MigrationInvalid, before any that is not as it was.

        Whoever loops over them lets go of one (`del`) before asking for the next: two long ones might not fit.
        """
        if self.kept is not None:
            yield from self.kept
            return
        known = memoryview(self.chunks)

        def compare(chunk: bytes) -> None:
            nonlocal known
            if hashlib.sha256(chunk).digest() != known[:32]:
                raise _changed(self.file)
            known = known[32:]

        yield from read_statements(self.path, compare, Filler(self.variables, self.file))
        if known:
            raise _changed(self.file)

    def first(self, count: int) -> Checksums:
        """The checksums of its first `count` statements; for a very long file, they are read anew."""
        known = self.checksums.first(count)
        return known or Checksums.of(statement.checksum for statement in islice(self.statements(), count))


@dataclass(frozen=True, slots=True)
class Migrations:
    """All that a directory says: the migrations in order, the snapshot file if there is one, and a digest of all.

    `digest` is a SHA-256 over names and bytes of the migrations and the snapshot: equal digests, equal files. `sha256`
    is one over the names and statements in order, as hex digits; line ends do not count. The snapshot's header has it.
    """

    directory: str
    all: tuple[Migration, ...]
    snapshot: str | None
    digest: bytes
    sha256: str

    @property
    def once(self) -> Migrations:
        """The same without those that are repeatable."""
        return replace(self, all=tuple(each for each in self.all if not each.repeatable))

    def makes(self) -> frozenset[str]:
        """The names, in small letters, of all objects that any statement makes or renames to, at any time."""
        names: set[str] = set()
        for migration in self.all:
            for statement in migration.statements():
                kind = statement.kind
                if kind in TABLES:
                    names |= {new.name.lower() for _, new in moved(statement, kind) if new}
                elif kind.startswith("create "):
                    names |= {name.name.lower() for name in statement.names[:1]}
                del statement
        return frozenset(names)

    def tables(self, here: Server) -> tuple[str, ...]:
        """The tables and views that the migrations make in the schema of this server and do not drop or rename again,
        as far as their texts tell; sorted.
        """
        there: set[str] = set()
        for migration in self.all:
            for statement in migration.statements():
                kind = statement.kind
                if kind in TABLES and runs(statement.raw, here.flavour, here.number):
                    for old, new in moved(statement, kind):
                        there -= _in(here.database, old)
                        there |= _in(here.database, new)
                del statement
        return tuple(sorted(there))


def _in(database: str, name: Name | None) -> set[str]:
    """The name alone, if it is one in this schema."""
    return {name.name} if name and (name.schema or database).lower() == database.lower() else set()


@cache
def load(files: Files) -> Migrations:
    """Read every file once and check that it is SQL a migration may hold. Raises MigrationInvalid, with the line."""
    found, earlier = list[Migration](), set[str]()
    problems: list[Problem] = []
    total, room = hashlib.sha256(), KEPT_BYTES
    for path in files.paths:
        migration = _load_one(path, files.variables, total.update, room, earlier, problems)
        room -= sum(len(statement.raw) + STATEMENT_BYTES for statement in migration.kept or ())
        found.append(migration)
        earlier.add(migration.name)
    if problems:
        raise refusal(problems)
    return Migrations(files.directory, tuple(found), files.snapshot, files.digest, total.hexdigest())


def _load_one(
    path: str,
    variables: Variables,
    count_in: Callable[[bytes | bytearray], None],
    room: int,
    earlier: Set[str],
    problems: list[Problem],
) -> Migration:
    """`room`: how many bytes of statements may be kept; `earlier`: the names of the migrations before it. `problems`
    takes what is wrong with placeholders.
    """
    file = os.path.basename(path)
    name, chunks = file.removesuffix(".sql"), bytearray()
    kept: list[Statement] | None = []
    count_in(name.encode() + b"\0")
    checksums, some = Checksums(), bytearray()
    texts = some
    filler, repeatable = Filler(variables, file), Repeatable(file) if is_repeatable(name) else None

    def keep() -> None:
        checksums.extend(some)
        count_in(texts)
        some.clear()
        texts.clear()

    compatible: str | None = None
    transaction: int | None = None
    triggered: set[str] = set()
    for statement in read_statements(path, lambda chunk: chunks.extend(hashlib.sha256(chunk).digest()), filler):
        kind = statement.kind  # found anew whenever it is asked for
        allow(statement, kind, file)
        know(statement, file)
        if repeatable:
            repeatable.allow(statement, kind)
        if kind == "create trigger":
            triggered |= {name.name.lower() for name in statement.names[1:2]}
        compatible = keeps_working(statement, file, earlier) or compatible
        transaction = _transaction_after(statement.line, kind, transaction)
        if statement.written and texts is some:  # from here on, values may make a difference between the two
            texts = bytearray(some)
        some += (checksum := statement.checksum)
        if texts is not some:
            texts += statement.written.text if statement.written else checksum
        if len(some) >= CHUNK_BYTES:
            keep()
        room -= len(statement.raw) + STATEMENT_BYTES
        if kept is not None and room >= 0:
            kept.append(statement._replace(known=kind))
        else:
            kept = None
        del statement  # before the next is read
    keep()
    problems += filler.problems
    if transaction is not None:
        raise MigrationInvalid(
            f"{file}:{transaction}: the transaction that begins here has no COMMIT; add it.",
            file=file,
            line=transaction,
        )
    statements = None if kept is None else tuple(kept)
    return Migration(name, path, checksums, bytes(chunks), statements, compatible, variables, frozenset(triggered))


def _transaction_after(line: int, kind: str, open_from: int | None) -> int | None:
    """The line where the transaction began that is open after the statement of this line; None if none is."""
    if kind == "start transaction":
        return line
    ends = kind == "commit" or kind.startswith(("create", "alter", "drop", "rename", "truncate"))
    return None if ends and "temporary" not in kind else open_from


def read_statements(path: str, look: Callable[[bytes], None], filler: Filler | None = None) -> Iterator[Statement]:
    """The statements of a file, streaming, with the values of a `filler`. Raises MigrationInvalid for what is not UTF-8
    or not SQL.

    Each chunk of the file is shown to `look` before anything in it is found.
    """
    name = os.path.basename(path)

    def chunks() -> Iterator[bytes]:
        with open(path, "rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                look(chunk)
                yield chunk

    try:
        yield from statements(decode(chunks(), name), name, filler)
    except OSError as error:
        raise MigrationInvalid(f"{name} {unreadable(error, os.path.dirname(path))}", file=name) from error


def _changed(file: str) -> MigrationInvalid:
    return MigrationInvalid(f"{file} changed while this start was reading it; start again.", file=file)


def place(file: str, statement: Statement) -> dict[str, Any]:
    """Where a statement stands, as facts of an error."""
    return {"file": file, "line": statement.line, "ordinal": statement.ordinal}


def excerpt(statement: Statement) -> str:
    """The beginning of a statement as it is written, without values, on one line, for a message."""
    head = statement.written.head.decode(errors="ignore") if statement.written else statement.head(HEAD_BYTES)
    line = " ".join(head.split())
    return line if len(line) <= 300 else line[:299] + "…"
