"""What has been run here: the only owner of three tables that schemagate keeps in the database it guards.

`schemagate_journal` has an entry per statement, `schemagate_starts` a row per start that took the lock, and
`schemagate_verified` the one row that lets an unchanged start end after two questions.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from schemagate import __version__
from schemagate.errors import Interrupted, LockTimeout, SchemagateError
from schemagate.healed import settle
from schemagate.history import COMPATIBLE, Entry, History, read
from schemagate.ours import make, qualified
from schemagate.refusals import ServerError, translated
from schemagate.remembered import FORM, IN_PART, parse_verified, verified_query
from schemagate.sources import redactor
from schemagate.unwritten import TOGETHER, Unwritten, write

if TYPE_CHECKING:
    from schemagate.database import Connection
    from schemagate.server import Server
    from schemagate.settings import Settings


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
        self._tables = qualified(server.database)
        self._clock = (datetime.fromisoformat(server.now), time.monotonic())
        self._hide = redactor(secrets)
        self._unwritten = Unwritten(connection, self._tables["schemagate_journal"], patience)
        self._next_id = 1
        self.start_id = 0
        self.applied = 0
        self.history = History()
        self.proven: str | None = None
        """The fingerprint of the schema that was proven last, before this start, by more than names and outlines."""

    def open(self) -> None:
        """Make our tables where they are missing, bring them up to date, and read the history."""
        make(self._connection, self._database)
        # Anew, because it may have been long ago that `server` was asked: there may have been a wait for the lock.
        now = self._connection.execute("SELECT CAST(UTC_TIMESTAMP(6) AS CHAR)").rows[0][0]
        self._clock = (datetime.fromisoformat(str(now)), time.monotonic())
        self.reload()

    def reload(self) -> None:
        """Read the history, as it is now."""
        self.history = read(self._connection, self._database)
        self._next_id = self.history.last_id + 1

    def begin_start(self, settings: Settings, command: str, *, forget: bool = True) -> None:
        """Write the row of this start and forget what was remembered: from here on, only a proof opens the gate."""
        write(
            self._connection,
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
            self.recall()
            write(self._connection, f"DELETE FROM {self._tables['schemagate_verified']}")

    def recall(self) -> None:
        """Note what was proven last."""
        with suppress(ServerError):  # there is no journal
            verified = parse_verified(self._connection.execute(verified_query(self._database)).rows)
            full = verified and verified.form == FORM and verified.proof not in IN_PART
            self.proven = verified.fingerprint if verified and full else None

    def end_start(self, exit_code: int, event: str, message: str | None) -> None:
        """Close the row of this start."""
        self.flush()
        write(
            self._connection,
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
        self._unwritten.entries.append(entry)
        try:
            self._unwritten.flush()
        except (LockTimeout, Interrupted):  # it is not sent, and nobody is to write that it was
            self._unwritten.entries.remove(entry)
            raise

    def close(self, entry: Entry, outcome: str, elapsed_seconds: float, **facts: Any) -> Entry:
        """Note what became of it. Written with the next `begin` or `flush`; until then it is in doubt, as it was."""
        self.applied += outcome == "applied"
        # What others say may hold a secret. The rest is ours, or a file's name, by which it has to be found again.
        facts = {name: self._hide(fact) if isinstance(fact, str) else fact for name, fact in facts.items()}
        facts |= {"outcome": outcome, "elapsed_ms": round(elapsed_seconds * 1000, 3)}
        closed = entry._replace(**facts, hashes_before=None, hashes_after=None)
        self._unwritten.entries.append(closed)
        return closed

    def doubt(self, entry: Entry, errno: int, error: str, note: str) -> None:
        """Write what is known of a statement that stays in doubt."""
        self.begin(entry._replace(errno=errno, error=self._hide(error), note=self._hide(note)[:255]))

    @property
    def unwritten(self) -> int:
        """How many entries wait to be written."""
        return len(self._unwritten.entries)

    @property
    def untold(self) -> list[Entry]:
        """What became of statements, as far as it could not be written."""
        return [entry for entry in self._unwritten.entries if entry.outcome != "begun"]

    def forget(self, applied: int) -> None:
        """Drop the outcomes not written yet, because what they tell of was rolled back; so many were applied before."""
        self.applied = applied
        self._unwritten.entries.clear()

    def flush(self, *, inside: bool = False) -> None:
        """Write the outcomes not written yet: in the transaction that is open (`inside`), or in one of their own.

        Raises LockTimeout or Interrupted where somebody has locked the journal for too long.
        """
        self._unwritten.flush(inside=inside)

    def hidden(self, text: str) -> str:
        """The text without secrets, and without the values of placeholders."""
        return self._hide(text)

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
                self._unwritten.entries.append(entry._replace(outcome="applied", note="edited, allowed by setting"))
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
            self._unwritten.entries.append(entry)
            if self.unwritten >= TOGETHER:
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
