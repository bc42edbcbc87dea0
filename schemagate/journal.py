"""What has been run here: the only owner of three tables that schemagate keeps in the database it guards.

`schemagate_journal` has an entry per statement, `schemagate_starts` a row per start that took the lock, and
`schemagate_verified` the one row that lets an unchanged start end after two questions.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from schemagate import __version__
from schemagate.errors import Interrupted, LockTimeout, SchemagateError
from schemagate.healed import settle
from schemagate.history import COLUMNS, COMPATIBLE, TRACE, Entry, History, read
from schemagate.lexer import quote
from schemagate.refusals import INTERRUPTED, LOCK_WAIT, ServerError, translated
from schemagate.remembered import FORM
from schemagate.sources import redactor

if TYPE_CHECKING:
    from schemagate.database import Connection
    from schemagate.server import Server
    from schemagate.settings import Settings

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
OUTCOME = COLUMNS.index("outcome")


class Journal:
    """The journal of one start that holds the lock: writes entries, and the row of the start itself.

    Entries of statements that commit by themselves are begun before and closed after; closing one and beginning
    the next is one statement and one commit.
    """

    def __init__(
        self, connection: Connection, server: Server, secrets: Sequence[str] = (), patience: float = 0.0
    ) -> None:
        """`patience`: how many seconds to wait for somebody who has locked our tables."""
        self._connection, self._server, self._database = connection, server, server.database
        self._tables = {name: f"{quote(server.database)}.{name}" for name in TABLES}
        self._clock = (datetime.fromisoformat(server.now), time.monotonic())
        self._hide = redactor(secrets)
        self._patience = patience
        self._unwritten: list[Entry] = []
        self._texts: dict[str, str] = {}  # as SQL
        self._head = (0, "")  # of which entry
        self._next_id = 1
        self.start_id = 0
        self.applied = 0
        self.history = History()

    def open(self) -> None:
        """Make our tables where they are missing, bring them up to date, and read the history."""
        for name, columns in TABLES.items():
            self._connection.execute(
                f"CREATE TABLE IF NOT EXISTS {self._tables[name]} ({columns}) "
                "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci"
            )
        for name, added in ADDED.items():
            self._complete(name, added)
        # Anew, because it may have been long ago that `server` was asked: there may have been a wait for the lock.
        now = self._connection.execute("SELECT CAST(UTC_TIMESTAMP(6) AS CHAR)").rows[0][0]
        self._clock = (datetime.fromisoformat(str(now)), time.monotonic())
        self.reload()

    def reload(self) -> None:
        """Read the history, as it is now."""
        self.history = read(self._connection, self._database)
        self._next_id = self.history.last_id + 1

    def _complete(self, name: str, columns: Sequence[str]) -> None:
        """Add the columns to one of our tables that an earlier version made."""
        there = self._connection.execute(f"SELECT * FROM {self._tables[name]} LIMIT 0").columns
        made = {line.split()[0]: line.strip().rstrip(",") for line in TABLES[name].splitlines() if line.strip()}
        missing = [f"ADD COLUMN {made[column]}" for column in columns if column not in there]
        if missing:
            self._connection.execute(f"ALTER TABLE {self._tables[name]} {', '.join(missing)}")

    def begin_start(self, settings: Settings, command: str, *, forget: bool = True) -> None:
        """Write the row of this start and forget what was remembered: from here on, only a proof opens the gate."""
        self._execute(
            f"INSERT INTO {self._tables['schemagate_starts']} (command, host, version, revision, account, "
            "connection_id, server_uuid, server_version, began_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            command,
            self._plain(self._hide(settings.started_by)[:255]),
            __version__,
            self._plain(settings.revision),
            self._server.account,
            self._connection.id,
            self._server.uuid,
            self._server.version,
            self.now(),
        )
        # A migration that asks for LAST_INSERT_ID() before it inserted anything gets 0, not the number of our row.
        self.start_id = int(self._connection.execute("SELECT LAST_INSERT_ID(), LAST_INSERT_ID(0)").rows[0][0])
        if forget:
            self._execute(f"DELETE FROM {self._tables['schemagate_verified']}")

    def end_start(self, exit_code: int, event: str, message: str | None) -> None:
        """Close the row of this start."""
        self.flush()
        self._execute(
            f"UPDATE {self._tables['schemagate_starts']} SET exit_code = %s, event = %s, message = %s, applied = %s, "
            "elapsed_ms = %s WHERE id = %s",
            exit_code,
            event,
            self._plain(message),
            self.applied,
            round((time.monotonic() - self._clock[1]) * 1000),
            self.start_id,
        )

    def remember(self, files: bytes, fingerprint: str, proof: str, strangers: Sequence[str]) -> None:
        """What was proven, for the next start: `files` is the digest of migrations and snapshot, `strangers` are the
        tables that the proof left out.
        """
        self._connection.execute(
            f"REPLACE INTO {self._tables['schemagate_verified']} (id, form, files, server_uuid, server_version, "
            "fingerprint, proof, strangers, start_id, verified_at) VALUES (1, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            FORM,
            files,
            self._server.uuid,
            self._server.version,
            fingerprint,
            proof,
            json.dumps(strangers),
            self.start_id,
            self.now(),
        )
        settle(self._connection, self._database)

    def now(self) -> datetime:
        """The server's clock, in UTC: read once, and carried on by ours."""
        at, then = self._clock
        return at + timedelta(seconds=time.monotonic() - then)

    def entry(self, migration: str, ordinal: int, statements: int, line: int, kind: str, checksum: bytes) -> Entry:
        """A new entry, not written yet, begun now."""
        entry = Entry(
            self._next_id,
            migration,
            ordinal,
            statements,
            line,
            kind[:40],
            checksum,
            self.start_id,
            self._connection.id,
            self._server.uuid,
            self.now(),
            "begun",
        )
        self._next_id += 1
        return entry

    def begin(self, entry: Entry) -> None:
        """Commit that a statement is about to be sent, together with the outcomes not written yet."""
        self._unwritten.append(entry)
        try:
            self.flush()
        except (LockTimeout, Interrupted):  # it is not sent, and nobody is to write that it was
            self._unwritten.remove(entry)
            raise

    def close(self, entry: Entry, outcome: str, elapsed_seconds: float, **facts: Any) -> Entry:
        """Note what became of it. Written with the next `begin` or `flush`; until then it is in doubt, as it was."""
        self.applied += outcome == "applied"
        # What others say may hold a secret. The rest is ours, or a file's name, by which it has to be found again.
        facts = {name: self._hide(fact) if isinstance(fact, str) else fact for name, fact in facts.items()}
        facts |= {"outcome": outcome, "elapsed_ms": round(elapsed_seconds * 1000, 3)}
        closed = entry._replace(**facts, hashes_before=None, hashes_after=None)
        self._unwritten.append(closed)
        return closed

    def doubt(self, entry: Entry, errno: int, error: str, note: str) -> None:
        """Write what is known of a statement that stays in doubt."""
        self.begin(entry._replace(errno=errno, error=self._hide(error), note=self._hide(note)[:255]))

    @property
    def unwritten(self) -> int:
        """How many entries wait to be written."""
        return len(self._unwritten)

    @property
    def untold(self) -> list[Entry]:
        """What became of statements, as far as it could not be written."""
        return [entry for entry in self._unwritten if entry.outcome != "begun"]

    def forget(self, applied: int) -> None:
        """Drop the outcomes not written yet, because what they tell of was rolled back; so many were applied before."""
        self.applied = applied
        self._unwritten.clear()

    def flush(self, *, inside: bool = False) -> None:
        """Write the outcomes not written yet: in the transaction that is open (`inside`), or in one of their own.

        Where somebody has locked the journal, waits for it as long as for another start, or until SIGTERM ends the wait
        as it would end a statement: what a statement did is known now, and would be in doubt else. Raises LockTimeout
        or Interrupted then.
        """
        until, broken_off = None, 0
        while self._unwritten:
            columns = COLUMNS + TRACE if any(row.hashes_before for row in self._unwritten[:500]) else COLUMNS
            texts = (self._row(row[: len(columns)]) for row in self._unwritten[:500])
            try:
                with self._connection.watch or nullcontext():
                    self._connection.do(
                        f"REPLACE INTO {self._tables['schemagate_journal']} ({', '.join(columns)}) "
                        f"VALUES ({'), ('.join(texts)})"
                    )
            except ServerError as error:
                if self._is_broken_off(error):
                    broken_off += 1
                    if broken_off > 1:  # it waits; the first may have been in the way of what was meant for a statement
                        raise self._stopped(error) from error
                    continue
                if error.errno != LOCK_WAIT or inside:
                    raise
                until = until or time.monotonic() + self._patience
                if time.monotonic() >= until:
                    self._patience = 0.0
                    raise LockTimeout(
                        "The journal cannot be written: somebody holds a lock on schemagate_journal (a backup with "
                        "LOCK TABLES?), too long. Start again when it is gone.",
                        errno=error.errno,
                        error=error.text,
                    ) from error
            else:
                del self._unwritten[:500]

    def _execute(self, text: str, *values: Any) -> None:
        """Write to another of our tables, which somebody may have locked, too: SIGTERM ends the wait."""
        try:
            with self._connection.watch or nullcontext():
                self._connection.execute(text, *values)
        except ServerError as error:
            if self._is_broken_off(error):
                raise self._stopped(error) from error
            raise

    def _is_broken_off(self, error: ServerError) -> bool:
        return error.errno == INTERRUPTED and self._connection.watch is not None and self._connection.watch.broken_off

    def _stopped(self, error: ServerError) -> Interrupted:
        watch = self._connection.watch
        return Interrupted(
            "Asked to stop while somebody holds a lock on schemagate's tables (a backup with LOCK TABLES?). What could "
            "not be written of the last statements is in doubt; the next start finds out what became of them.",
            watch.signum if watch else signal.SIGTERM,
            errno=error.errno,
            error=error.text,
        )

    def _row(self, entry: tuple[Any, ...]) -> str:
        """An entry, or the first of its columns, as SQL text.

        What is known when it is begun stays as it was, and is kept until it is closed.
        """
        if self._head[0] != entry[0]:
            self._head = (entry[0], ", ".join(map(self._literal, entry[:OUTCOME])))
        return f"{self._head[1]}, {', '.join(map(self._literal, entry[OUTCOME:]))}"

    def _literal(self, value: Any) -> str:
        """A value as SQL text; there are seventeen of them in each entry, so that PyMySQL's way is felt."""
        if value is None:
            return "NULL"
        if isinstance(value, int | float):
            return str(value)
        if isinstance(value, str):  # most are the same in all entries of a migration
            if value not in self._texts:
                if len(self._texts) > 100:
                    self._texts.clear()
                self._texts[value] = f"x'{value.encode(errors='replace').hex()}'"  # read alike under any SET NAMES
            return self._texts[value]
        return f"x'{value.hex()}'" if isinstance(value, bytes) else f"'{value}'"

    def _plain(self, value: Any) -> Any:
        """A value without secrets; text as its bytes."""
        return self._hide(value).encode(errors="replace") if isinstance(value, str) else value

    def accept(self, migration: str, checksums: Sequence[bytes], statements: int) -> None:
        """Take the first of the `statements` of an edited file as they stand now: a person allowed it by name."""
        table = self._tables["schemagate_journal"]
        for ordinal, checksum in enumerate(checksums, start=1):
            done = self._connection.execute(
                f"UPDATE {table} SET checksum = %s, statements = %s, note = 'edited, allowed by setting' "
                "WHERE migration = %s AND ordinal = %s AND outcome = 'applied'",
                checksum,
                statements,
                migration,
                ordinal,
            )
            if not done.affected:
                entry = self.entry(migration, ordinal, statements, 0, "", checksum)
                self._unwritten.append(entry._replace(outcome="applied", note="edited, allowed by setting"))
        self._connection.execute(
            f"DELETE FROM {table} WHERE migration = %s AND ordinal > %s AND outcome = 'applied'",
            migration,
            len(checksums),
        )
        self.flush()

    def declare(self, migration: str, compatible_with: str | None) -> None:
        """Note what the file says now of older code, for images that do not have the file. Its entries are written."""
        self._connection.execute(
            f"UPDATE {self._tables['schemagate_journal']} SET {COMPATIBLE} = %s WHERE migration = %s",
            compatible_with,
            migration,
        )

    def adopt(self, entries: Iterable[Entry]) -> None:
        """Write entries of which nothing is run, all or none of them, and read the history anew."""
        self._connection.execute("START TRANSACTION")
        for entry in entries:
            self._unwritten.append(entry)
            if len(self._unwritten) >= 500:
                self.flush(inside=True)
        self.flush(inside=True)
        self._connection.execute("COMMIT")
        self.reload()

    def complete(self, migration: str, statements: int) -> None:
        """All `statements` of the file are applied, though it had another number when the last of them was run."""
        self._connection.execute(
            f"UPDATE {self._tables['schemagate_journal']} SET statements = %s WHERE migration = %s AND ordinal = %s",
            statements,
            migration,
            statements,
        )

    def settle(self, entry: Entry, outcome: str, note: str) -> None:
        """Write what was found of an entry in doubt: applied or failed, and how that is known."""
        self._connection.execute(
            f"UPDATE {self._tables['schemagate_journal']} SET outcome = %s, note = %s, hashes_before = NULL, "
            "hashes_after = NULL WHERE id = %s AND outcome = 'begun'",
            outcome,
            note[:255],
            entry.id,
        )

    def resolve(self, migration: str, ordinal: int, outcome: str) -> bool:
        """A person's word on an entry in doubt: applied or failed. False if there is no such entry in doubt."""
        done = self._connection.execute(
            f"UPDATE {self._tables['schemagate_journal']} SET outcome = %s, note = 'said by a person', "
            "hashes_before = NULL, hashes_after = NULL WHERE migration = %s AND ordinal = %s AND outcome = 'begun'",
            outcome,
            migration,
            ordinal,
        )
        return bool(done.affected)


@contextmanager
def recorded(
    connection: Connection,
    server: Server,
    settings: Settings,
    command: str,
    older: Callable[[History], bool] = lambda history: False,
) -> Iterator[Journal]:
    """The journal of one start that holds the lock; the row of the start is closed with whatever it ends with.

    `older`: does the start know less than the history, so that it changes nothing? What was proven by one that knows
    all of it is then not for it to forget.
    """
    journal = Journal(connection, server, [secret.reveal() for secret in settings.secrets], settings.lock_seconds)
    journal.open()
    try:
        journal.begin_start(settings, command, forget=not older(journal.history))
        yield journal
    except Exception as error:
        told = translated(error) if isinstance(error, ServerError) else error
        # What the start ended with is told by the log in any case; here only if the session still lives.
        with suppress(ServerError, SchemagateError):
            if isinstance(told, SchemagateError):
                journal.end_start(told.exit_code, told.event, told.message)
            else:
                journal.end_start(1, "start.crashed", type(told).__name__)
        raise
    journal.end_start(0, "start.finished", None)
