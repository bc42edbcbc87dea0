"""Expected against found."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schemagate import listing, schema
from schemagate.current import encoded
from schemagate.database import given
from schemagate.errors import MigrationInvalid, RehearsalFailed, SchemaDrift, SnapshotStale
from schemagate.expected import Expected, Verdict
from schemagate.files import SNAPSHOT
from schemagate.migrations import excerpt, place
from schemagate.schema import Difference
from schemagate.server import SQL_MODE
from schemagate.sql import NO_STRUCTURE, decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from schemagate.database import Connection
    from schemagate.expected import Incomplete
    from schemagate.log import Log
    from schemagate.migrations import Migrations
    from schemagate.schema import Schema
    from schemagate.server import Server
    from schemagate.shadow import Shadows
    from schemagate.trial import Refused

HEALED_AT_MOST = 3  # times in one start
MOST_DIFFERENCES = 50  # in one log line


def expect(
    migrations: Migrations,
    connection: Connection,
    here: Server,
    shadows: Shadows | None,
    log: Log,
    *,
    strict: bool = False,
) -> Expected:
    """What should be, from the files; says so where there is no snapshot. `strict`: what no migration makes is a
    difference. Raises MigrationInvalid if it is not SQL.
    """
    if migrations.snapshot is None:
        log.warning("snapshot.missing", directory=migrations.directory)
        return Expected(migrations, None, here, shadows, strict=strict)
    from schemagate import snapshot

    text = text_of(migrations.snapshot)
    charsets = schema.parse_charsets(connection.execute(schema.CHARSETS))
    parsed = snapshot.parse(text, SNAPSHOT, charsets)
    return Expected(migrations, parsed, here, shadows, strict=strict)


def text_of(path: str, name: str = SNAPSHOT) -> str:
    """The text of a snapshot file. Raises MigrationInvalid, with the line of what is no text."""
    try:
        with open(path, "rb") as file:
            return "".join(decode([file.read()], name)).replace("\r\n", "\n")
    except OSError as error:
        raise MigrationInvalid(f"{name} cannot be read: {error.strerror}.", file=name) from error


def verify(
    connection: Connection,
    here: Server,
    expected: Expected,
    log: Log,
    *,
    built: bool,
    heal: Callable[[Verdict, Schema], None] | None = None,
    rounds: int = HEALED_AT_MOST,
) -> tuple[str, str, list[str]]:
    """Prove that the live schema is the one expected; returns what to remember: fingerprint, proof, strangers' tables.

    `built`: this start has built it from nothing. Then a difference is the snapshot's fault (SnapshotStale); else it is
    SchemaDrift, unless the migrations build something else than the snapshot says. `heal` closes the differences, or
    raises; then all is proven once more. A server may take an index away for a key that is made: so that has `rounds`.
    """
    began = time.monotonic()
    live = read(connection, here)
    verdict = expected.against(live.schema, built=built)
    for kind, reason in verdict.not_compared:
        log.warning("schema.not_compared", kind=kind, reason=reason)
    if verdict.differences:
        if built and expected.has_snapshot:
            raise stale(verdict.differences, touched=True)
        refuse_stale(expected, log, touched=True)
        if heal is None or rounds == 0:
            raise drift(verdict)
        heal(verdict, live.schema)
        return verify(connection, here, expected, log, built=built, heal=heal, rounds=rounds - 1)
    if verdict.foreign and not expected.header_holds:
        refuse_stale(expected, log, touched=True)  # they may be what the migrations build
    verified(verdict, live, log, began)
    return live.fingerprint, verdict.proof, sorted(name for kind, name in verdict.foreign if kind == "table")


def verified(verdict: Verdict, live: Live, log: Log, began: float) -> None:
    """Say what was proven: the tables by name, and what is there beside them."""
    ours = live.schema.objects.keys() - set(verdict.foreign)
    log.info(
        "schema.verified",
        tables=sorted(name for kind, name in ours if kind == "table"),
        objects=len(ours),
        foreign=[" ".join(key) for key in verdict.foreign],
        proof=verdict.proof,
        elapsed_seconds=round(time.monotonic() - began, 3),
    )


def drift(verdict: Verdict, not_healed: str | None = None) -> SchemaDrift:
    """The error for a live schema that is not the one expected; and why nothing of it was healed."""
    said = f"The live schema is not the one expected: {told(verdict.differences)}. "
    mend = "Take the change back, or write a migration that makes it and a new snapshot; then start again."
    if verdict.proof == "names":
        said = f"The live schema lacks what the migrations make: {told(verdict.differences)}. "
        mend = "Bring it back, or write a migration that drops it; then start again."
    return SchemaDrift(
        said + mend + by_a_default(verdict.differences),
        differences=as_facts(verdict.differences),
        differing=len(verdict.differences),
        proof=verdict.proof,
        not_healed=not_healed,
        state="all migrations are applied; the difference was left as it is",
    )


def by_a_default(differences: Iterable[Difference]) -> str:
    """What else may be said of tables that have another collation: it may be nobody's change."""
    found = {each.found for each in differences if each.part == "option COLLATE" and each.expected and each.found}
    if len(found) != 1:
        return ""
    return (
        f" If {found.pop().removeprefix('COLLATE=')} is the default that they were made with, before a backup was "
        "restored or a server upgraded: make it the schema's default again (ALTER DATABASE … COLLATE), or, where a "
        "migration names the character set alone, keep the snapshot of that time."
    )


@dataclass(frozen=True, slots=True)
class Live:
    """The live schema as read at one moment, and the fingerprint of the very texts it was read from."""

    schema: Schema
    fingerprint: str


def read(connection: Connection, here: Server) -> Live:
    """Read the live schema in two packets, or three; the session's sql_mode is afterwards that of a migration again."""
    for text in listing.session_for_reading(here.flavour):
        connection.execute(text)
    answers = [given(answer) for answer in connection.packet((*listing.listing(), schema.CHARSETS))]
    listed = listing.parse_listing(answers[:-1])
    results = listing.shown(connection, here.flavour, listed)
    found = schema.assemble(listed, results, schema.parse_charsets(answers[-1]), here.flavour)
    connection.execute(f"SET SESSION sql_mode = '{SQL_MODE}'")
    return Live(found, encoded(listing.fingerprint(listed, results)))


def refuse_stale(expected: Expected, log: Log, *, touched: bool) -> None:
    """Raise SnapshotStale where the migrations build something else than the snapshot says."""
    differences = expected.stale()
    if differences:
        raise stale(differences, touched=touched)
    if not expected.header_holds and expected.has_snapshot:
        log.warning("snapshot.outdated_header", compared=differences is not None)


def stale(differences: Sequence[Difference], *, touched: bool) -> SnapshotStale:
    """The error for a snapshot that is not what the migrations build."""
    return SnapshotStale(
        f"schema.sql is stale: the migrations build something else: {told(differences)}. "
        "Run `schemagate snapshot`, review what it changed in schema.sql, and start again.",
        differences=as_facts(differences),
        state="all migrations are applied" if touched else "not touched",
    )


def told(differences: Sequence[Difference]) -> str:
    """The first differences in a few words, for a message."""
    first = differences[0]
    what = f"{first.kind} {first.name}" + (f", {first.part}" if first.part else "")
    how = "is missing" if first.found is None else "is not expected" if first.expected is None else "is not as expected"
    more = f" (and {len(differences) - 1} more)" if len(differences) > 1 else ""
    return f"{what} {how}{more}"


def as_facts(differences: Sequence[Difference]) -> list[dict[str, Any]]:
    """The differences as fields of a log line, the first fifty of them."""
    return [
        # An outline has names alone: of what is there it has nothing more to show.
        {
            "kind": d.kind,
            "name": d.name,
            "part": d.part,
            "expected": "there" if d.expected == "" else d.expected,
            "found": "there" if d.found == "" else d.found,
        }
        for d in differences[:MOST_DIFFERENCES]
    ]


def rehearsal_failed(refused: Refused) -> RehearsalFailed:
    """The error for a pending statement that does not work in the shadow."""
    migration, statement, error = refused.migration, refused.statement, refused.error
    facts = {
        "migration": migration.name,
        **place(migration.file, statement),
        "of": migration.count,
        "statement": excerpt(statement),
        "errno": error.errno,
        "error": error.text,
    }
    return RehearsalFailed(not_working(facts, "The live schema was not touched"), **facts, state="not touched")


def not_working(facts: Mapping[str, Any], live: str) -> str:
    """The message of an error with these facts; `live` says what was done to the live schema."""
    return (
        f"{facts['file']}:{facts['line']}: statement {facts['ordinal']} of {facts['of']} does not work, the server "
        f"says {facts['errno']}: {facts['error']}. {live}; mend the file and start again."
    )


def not_replayable(incomplete: Incomplete) -> MigrationInvalid:
    """The error for migrations that cannot be run in the shadow to their end."""
    left_out = incomplete.left_out
    return MigrationInvalid(
        f"{left_out.migration}.sql:{left_out.line}: the shadow cannot go beyond statement {left_out.ordinal}: "
        f"{left_out.reason}. If it changes no structure of this schema, put the line `-- schemagate: {NO_STRUCTURE}` "
        "in front of it; if it does, write it as plain statements, without the names of schemas.",
        migration=left_out.migration,
        file=f"{left_out.migration}.sql",
        line=left_out.line,
        ordinal=left_out.ordinal,
        reason=left_out.reason,
    )
