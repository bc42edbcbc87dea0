"""The journal as read once at the beginning of a start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from schemagate.checksums import Checksums
from schemagate.files import is_repeatable
from schemagate.lexer import quote
from schemagate.refusals import NO_SUCH_COLUMN, NO_SUCH_TABLE, ServerError

if TYPE_CHECKING:
    from schemagate.database import Connection


class Entry(NamedTuple):
    """One row of the journal: a statement, and what became of it. `outcome` is begun, applied or failed.

    While it is begun, `hashes_before` and `hashes_after` are the JSON of its trace: see `traces.Trace`.
    """

    id: int
    migration: str
    ordinal: int
    statements: int
    line: int
    kind: str
    checksum: bytes
    start_id: int
    connection_id: int
    server_uuid: str
    begun_at: datetime
    outcome: str
    elapsed_ms: float | None = None
    rows_changed: int | None = None
    errno: int | None = None
    error: str | None = None
    note: str | None = None
    hashes_before: str | None = None
    hashes_after: str | None = None


TRACE = Entry._fields[-2:]  # only what is in doubt has them: the others are read, and written, without
COLUMNS = Entry._fields[:-2]
COMPATIBLE = "compatible_with"  # of the migration, whichever of its entries has it
# So begins the note of a statement that was missing when the database was adopted, and is to be run for that.
ADOPTING = "adopting: "
# So ends the note of one that was in doubt, and may be run twice.
AGAIN = "it is run again"


@dataclass(frozen=True, slots=True)
class Past:
    """What the journal says of one migration.

    `checksums` are those of its applied statements, in order from ordinal 1; `statements` is how many the file had when
    the last of them was run, `complete` whether that was all of them. Of a repeatable one, all of it is about the last
    time that it was run. `adopted` is how the rest of it is to be run where it was begun to adopt a database; it may
    come before what is applied then. `last_id` is the newest of its entries that are applied.
    """

    checksums: Checksums
    statements: int
    complete: bool
    failed: int | None = None
    error: str | None = None
    adopted: str = ""
    last_id: int = 0

    @property
    def applied(self) -> int:
        """How many of its statements are applied: the first so many."""
        return self.checksums.count


@dataclass(frozen=True, slots=True)
class History:
    """The journal as read once at the beginning of a start."""

    past: Mapping[str, Past] = field(default_factory=dict)
    in_doubt: tuple[Entry, ...] = ()
    last_id: int = 0
    compatible: Mapping[str, str] = field(default_factory=dict)
    """What migrations declared when they were applied: code that knows those up to the one named works after them."""

    @property
    def adopting(self) -> dict[str, str]:
        """The migrations that are still to be run to adopt the database, and how."""
        return {name: past.adopted for name, past in self.past.items() if past.adopted and not past.complete}


def read(connection: Connection, database: str) -> History:
    """The whole history. Memory: at most 2 MB a migration. An absent journal is an empty history."""
    try:
        history = _fold(_entries(connection, database))
    except ServerError as error:
        if error.errno == NO_SUCH_TABLE:
            return History()
        raise
    return replace(
        history,
        in_doubt=tuple(_with_trace(connection, database, entry) for entry in history.in_doubt),
        compatible=_compatible(connection, database),
    )


def newest(connection: Connection, database: str) -> str:
    """The last migration that is run once of which there is an entry, by name; empty if there is none. Quick on any
    journal.
    """
    try:
        rows = connection.execute(
            f"SELECT MAX(migration) FROM {quote(database)}.schemagate_journal WHERE migration < 'R_' "
            "OR migration >= 'R`'"  # the next character behind _
        ).rows
    except ServerError as error:
        if error.errno == NO_SUCH_TABLE:
            return ""
        raise
    return rows[0][0] or ""


def triggers_made(connection: Connection, database: str, migration: str) -> int:
    """How many triggers a repeatable migration made when it was run last."""
    journal = f"{quote(database)}.schemagate_journal"
    rows = connection.execute(
        f"SELECT COUNT(DISTINCT ordinal) FROM {journal} WHERE migration = %s AND outcome = 'applied' "
        f"AND kind = 'create trigger' AND start_id = (SELECT MAX(n.start_id) FROM {journal} n WHERE n.migration = %s "
        "AND n.outcome = 'applied')",
        migration,
        migration,
    ).rows
    return int(rows[0][0])


def _compatible(connection: Connection, database: str) -> dict[str, str]:
    """What was declared; a table of an earlier version has none of it."""
    try:
        rows = connection.execute(
            f"SELECT DISTINCT migration, {COMPATIBLE} FROM {quote(database)}.schemagate_journal "
            f"WHERE {COMPATIBLE} IS NOT NULL"
        ).rows
    except ServerError as error:
        if error.errno == NO_SUCH_COLUMN:
            return {}
        raise
    return dict(rows)


def _with_trace(connection: Connection, database: str, entry: Entry) -> Entry:
    """The entry, with the hashes that were taken down when it was begun; a table of an earlier version has none."""
    try:
        rows = connection.execute(
            f"SELECT {', '.join(TRACE)} FROM {quote(database)}.schemagate_journal WHERE id = %s", entry.id
        ).rows
    except ServerError as error:
        if error.errno == NO_SUCH_COLUMN:
            return entry
        raise
    return entry._replace(**dict(zip(TRACE, rows[0], strict=True))) if rows else entry


def is_run_again(connection: Connection, database: str, entry: Entry) -> bool:
    """Was this same statement in doubt when it came before, and settled as one that is run again?"""
    rows = connection.execute(
        f"SELECT note FROM {quote(database)}.schemagate_journal WHERE migration = %s AND ordinal = %s "
        "AND checksum = %s AND id < %s ORDER BY id DESC LIMIT 1",
        entry.migration,
        entry.ordinal,
        entry.checksum,
        entry.id,
    ).rows
    return any(str(note).endswith(AGAIN) for (note,) in rows)


@dataclass(frozen=True, slots=True)
class Run:
    """When and by which start a migration was applied: its last statement's end (UTC), and the seconds of all."""

    start: int
    host: str
    finished: datetime
    seconds: float


def runs(connection: Connection, database: str) -> dict[str, Run]:
    """Per migration, who applied it. An absent journal is an empty one."""
    db = quote(database)
    try:
        hosts = dict(connection.execute(f"SELECT id, host FROM {db}.schemagate_starts").rows)
        rows = connection.execute(
            "SELECT j.migration, MAX(j.start_id), "
            "MAX(j.begun_at + INTERVAL ROUND(COALESCE(j.elapsed_ms, 0) * 1000) MICROSECOND), SUM(j.elapsed_ms) / 1000 "
            f"FROM {db}.schemagate_journal j WHERE j.outcome = 'applied' AND (LEFT(j.migration, 2) <> 'R_' "
            f"OR j.start_id = (SELECT MAX(n.start_id) FROM {db}.schemagate_journal n WHERE n.migration = j.migration "
            "AND n.outcome = 'applied')) GROUP BY j.migration"
        ).rows
    except ServerError as error:
        if error.errno == NO_SUCH_TABLE:
            return {}
        raise
    return {
        name: Run(start, hosts.get(start, ""), finished, float(seconds or 0)) for name, start, finished, seconds in rows
    }


def _entries(connection: Connection, database: str) -> Iterator[tuple[Any, ...]]:
    # Newest entry of a place last: it is the one that counts. Of a repeatable migration, which is always run from its
    # first statement on, those count that are not older than the newest one of that.
    rows: Iterator[tuple[Any, ...]] = connection.stream(
        f"SELECT {', '.join(COLUMNS)} FROM {quote(database)}.schemagate_journal ORDER BY migration, ordinal, id"
    )
    return rows


def _fold(rows: Iterator[tuple[Any, ...]]) -> History:
    applied: dict[str, Checksums] = {}
    last: dict[str, tuple[int, str, int]] = {}  # migration -> ordinal, outcome, statements of its last place so far
    in_doubt: list[Entry] = []
    failed: dict[str, tuple[int, str]] = {}
    adopted: dict[str, str] = {}
    newest: dict[str, int] = {}
    last_id, begun, previous = 0, ("", 0), None  # the newest first statement so far: of which migration, and its entry
    outcome_at, row_at = COLUMNS.index("outcome"), {name: i for i, name in enumerate(COLUMNS)}

    def close(row: tuple[Any, ...]) -> None:
        migration, ordinal = row[row_at["migration"]], row[row_at["ordinal"]]
        if row[outcome_at] == "applied":
            (applied.get(migration) or applied.setdefault(migration, Checksums())).extend(row[row_at["checksum"]])
            last[migration] = (ordinal, "applied", row[row_at["statements"]])
            newest[migration] = max(newest.get(migration, 0), row[0])
        elif row[outcome_at] == "failed" and (row[row_at["note"]] or "").startswith(ADOPTING):
            applied.setdefault(migration, Checksums())
        elif row[outcome_at] == "failed":
            why = f"{row[row_at['errno']]}: {row[row_at['error']]}" if row[row_at["errno"]] else row[row_at["note"]]
            says = f"statement {ordinal} failed: {why}"
            failed.setdefault(migration, (ordinal, says))
            applied.setdefault(migration, Checksums())
        else:
            in_doubt.append(Entry(*row))
            applied.setdefault(migration, Checksums())

    for row in rows:
        last_id = max(last_id, row[0])
        if row[outcome_at] == "failed" and (row[row_at["note"]] or "").startswith(ADOPTING):
            adopted[row[row_at["migration"]]] = row[row_at["note"]]
        if row[2] == 1:
            begun = (row[1], row[0])
        elif row[0] < begun[1] and row[1] == begun[0] and is_repeatable(row[1]):
            continue
        if previous is not None and (previous[1], previous[2]) != (row[1], row[2]):
            close(previous)
        previous = row
    if previous is not None:
        close(previous)
    past = {}
    for migration, checksums in applied.items():
        ordinal, _, statements = last.get(migration, (0, "", 0))
        past[migration] = Past(
            checksums,
            statements,
            complete=bool(ordinal) and ordinal == statements,
            failed=failed.get(migration, (None, None))[0],
            error=failed.get(migration, (None, None))[1],
            adopted=adopted.get(migration, ""),
            last_id=newest.get(migration, 0),
        )
    return History(past, tuple(in_doubt), last_id)
