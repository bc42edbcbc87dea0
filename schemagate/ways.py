"""The ways to run one statement: so that it is known afterwards, whatever comes in between, whether it was done."""

from __future__ import annotations

import time
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

from schemagate import lock
from schemagate.aftermath import (
    REFUSED_AGAIN,
    REPORTING,
    after_error,
    broken_off,
    doubtful,
    failed,
    not_inside,
    reported,
)
from schemagate.blockers import in_the_way
from schemagate.effects import Around
from schemagate.engines import Engines
from schemagate.errors import Interrupted, LockTimeout
from schemagate.history import is_run_again
from schemagate.keeper import SESSION, UNSETTLING
from schemagate.kinds import DATA, OPAQUE
from schemagate.prepared import Prepared
from schemagate.refusals import DEADLOCK, LOCK_WAIT, PASSWORD_REFUSED, ServerError
from schemagate.session import passes
from schemagate.traces import APPLIED, NOT_APPLIED, TRACED
from schemagate.transactions import BATCH_STATEMENTS, COMMIT, ROLLBACK
from schemagate.variables import run
from schemagate.witness import witnessed

if TYPE_CHECKING:
    from collections.abc import Callable

    from schemagate.database import Connection
    from schemagate.errors import SchemagateError
    from schemagate.history import Entry
    from schemagate.journal import Journal
    from schemagate.log import Log
    from schemagate.migrations import Migration
    from schemagate.settle import Finding
    from schemagate.sql import Statement
    from schemagate.stop import Stop
    from schemagate.traces import Tracer
    from schemagate.transactions import Transactions

# In a transaction of the file these belong to it.
INSIDE = frozenset({"select", "savepoint", "release savepoint", "rollback to savepoint", "do", "set"})
# The lock goes with the connection, which shows, or by SQL: after any that could do it we look at once. What is left is
# a proxy that changes our session behind our back, and that is found out soon enough.
LOCK_LOOK_SECONDS = 0.1


class Ways:
    """Runs the statements of a plan, each in the way that its kind and what is `open` ask for.

    There are three ways to know: the entry of a data statement is committed in its transaction; that of a statement
    which commits by itself is begun before it, and closed after; what is of the session alone may be run again.
    """

    def __init__(
        self,
        connection: Connection,
        journal: Journal,
        transactions: Transactions,
        tracer: Tracer,
        look: Callable[[Entry], Finding],
        database: str,
        stop: Stop,
        log: Log,
    ) -> None:
        self._connection, self._journal, self._open, self._database = connection, journal, transactions, database
        self._tracer, self._look = tracer, look
        self._stop, self._log = stop, log
        self._engines = Engines(connection, database)
        self._around = Around()  # the temporary tables of the file
        self._prepared = Prepared()
        self._lock_seen = float("-inf")  # when the lock was ours for certain
        self.statements = 0
        self.rows = 0

    def begin_file(self) -> None:
        """What follows is of another file."""
        self._around, self._prepared = Around(), Prepared()

    def behind(self, statement: Statement, kind: str) -> None:
        """A statement that is applied: note what the rest of its file may refer to."""
        self._around.note_temporary(statement, kind)
        self._prepared.note(statement, kind)

    def apply(self, migration: Migration, statement: Statement, kind: str) -> None:
        """Run it. Raises StatementFailed, StatementInDoubt, MigrationInvalid, LockTimeout, or Interrupted where it was
        broken off.
        """
        began = time.monotonic()
        self._tracer.meet(kind)
        entry = self._journal.entry(
            migration.name, statement.ordinal, migration.count, statement.line, kind, statement.checksum
        )._replace(note=statement.note or None)
        rows = self._way(migration, statement, kind)(migration, statement, entry)
        if kind in OPAQUE or kind == "alter table":
            self._around.note_temporary(statement, kind)
        if kind in UNSETTLING:
            self._lock_seen = float("-inf")
            self._engines.forget()
        self._prepared.note(statement, kind)
        self.statements += 1
        self.rows += rows
        self._connection.meanwhile(
            partial(
                self._log.debug,
                "statement.applied",
                migration=migration.name,
                ordinal=statement.ordinal,
                line=statement.line,
                kind=kind,
                rows=rows,
                elapsed_seconds=round(time.monotonic() - began, 3),
            )
        )

    def _way(
        self, migration: Migration, statement: Statement, kind: str
    ) -> Callable[[Migration, Statement, Entry], int]:
        inside = self._open.of_file
        if not statement.raw:
            return self._nothing
        if kind == "start transaction":
            return self._start_transaction
        if inside and kind == "commit":
            return self._commit
        passing = passes(statement, kind, self._around)
        if passing and (not inside or kind in SESSION | DATA):
            return self._passing
        data = statement if kind in DATA else self._prepared.data(statement, kind)
        if data and self._engines.transactional(data, data.kind):
            return self._inside if inside else self._batched
        if inside and kind in DATA | OPAQUE:
            raise not_inside(migration, statement, kind)
        if inside and kind in INSIDE | SESSION:
            return self._inside
        return self._begun

    def _nothing(self, migration: Migration, statement: Statement, entry: Entry) -> int:
        """What it does is there already, or is not to be done: nothing but its entry is written."""
        self._journal.close(entry, "applied", 0.0)
        if self._journal.unwritten >= BATCH_STATEMENTS and not self._open.batch and not self._open.of_file:
            self._journal.flush()
        return 0

    def _begun(self, migration: Migration, statement: Statement, entry: Entry) -> int:
        """It commits by itself: its entry is committed before, and closed after."""
        self._open.commit_batch()
        self._hold_the_lock()
        entry = self._tracer.begin(entry, statement)
        with self._connection.watch or nullcontext():  # the table may be locked, and SIGTERM ends that wait, too
            entry = witnessed(entry, statement, entry.kind, self._connection, self._database)
        self._stop.check()
        self._journal.begin(entry)
        if self._open.of_file:  # the statement would commit it: so do we, for its entries to be there first
            self._open.commit()
        self._connection.meanwhile(partial(self._engines.begun, statement, entry.kind))
        began = time.monotonic()
        try:
            answer: list[Any] = []
            rows = self._run(statement, answer.append if entry.kind in REPORTING else bool)
            if refusal := reported(answer):
                raise refusal
        except ServerError as error:
            self._open.end_what_it_began(entry.kind, ROLLBACK)
            self._after_error(migration, statement, entry, error, time.monotonic() - began)
            return 0
        self._open.end_what_it_began(entry.kind, COMMIT)
        self._journal.close(entry, "applied", time.monotonic() - began, rows_changed=rows)
        if entry.kind not in TRACED:  # nobody could tell by looking: the next entry may be a long time away
            self._journal.flush()
        return rows

    def _batched(self, migration: Migration, statement: Statement, entry: Entry) -> int:
        """A data statement: committed together with its entry, and with the data statements beside it."""
        now = self._open
        if not now.batch:
            self._hold_the_lock()
            now.begin_batch(statement.ordinal)
        elif not now.marked:
            now.mark()
        rows = self._inside(migration, statement, entry)
        now.batch_size += 1
        if now.batch_size >= BATCH_STATEMENTS or time.monotonic() > now.batch_until:
            now.commit_batch()
        return rows

    def _inside(self, migration: Migration, statement: Statement, entry: Entry) -> int:
        """In a transaction, or without any effect that lasts: the entry is written before the next commit."""
        began = time.monotonic()
        try:
            rows = self._run(statement)
        except ServerError as error:
            left = self._open.fail(entry, error, time.monotonic() - began)
            raise self._refused(migration, statement, error, left) from error
        self._journal.close(entry, "applied", time.monotonic() - began, rows_changed=rows)
        now = self._open
        now.savepoint = now.of_file and (now.savepoint or entry.kind == "savepoint")
        # A transaction of a million statements: memory is limited. But ROLLBACK TO would take the entries along.
        if self._journal.unwritten >= BATCH_STATEMENTS and not now.savepoint:
            self._journal.flush(inside=now.of_file or now.batch)
        return rows

    def _passing(self, migration: Migration, statement: Statement, entry: Entry) -> int:
        """Of the session alone: its entry is written with the next one, and without, it is run again."""
        self._open.commit_batch()
        rows = self._inside(migration, statement, entry)
        self._around.note_temporary(statement, entry.kind)
        return rows

    def _start_transaction(self, migration: Migration, statement: Statement, entry: Entry) -> int:
        self._open.commit_batch()
        self._journal.flush()
        self._hold_the_lock()
        self._open.begin(statement.ordinal)
        return self._inside(migration, statement, entry)

    def _commit(self, migration: Migration, statement: Statement, entry: Entry) -> int:
        """The COMMIT of a transaction written in the file: all its entries, its own too, are committed by it."""
        began = time.monotonic()
        self._journal.close(entry, "applied", 0.0, rows_changed=0)
        try:
            self._journal.flush(inside=True)
            self._run(statement)
        except ServerError as error:
            left = self._open.fail(entry, error, time.monotonic() - began)
            raise self._refused(migration, statement, error, left) from error
        self._open.of_file = False
        return 0

    def _run(self, statement: Statement, each: Callable[[Any], object] = bool) -> int:
        """Where SIGTERM ends it, that is an error of this statement, of which it has to be known what it did."""
        with self._connection.watch or nullcontext():
            return run(self._connection, statement, each)

    # --- what went wrong ---

    def _after_error(
        self, migration: Migration, statement: Statement, entry: Entry, error: ServerError, elapsed_seconds: float
    ) -> None:
        """Write what became of it, and raise what the start ends with; return where it is applied all the same."""
        found = after_error(entry, statement, error, self._look)
        if error.errno in PASSWORD_REFUSED and is_run_again(self._connection, self._database, entry):
            found = REFUSED_AGAIN
        said: dict[str, Any] = {"errno": error.errno, "error": error.text, "note": f"{found.verdict}: {found.how}"}
        if found.verdict == APPLIED:
            self._journal.close(entry, "applied", elapsed_seconds, **said)
            self._log.info(
                "statement.settled", migration=migration.name, ordinal=entry.ordinal, outcome=found.verdict, **said
            )
            return
        if found.verdict == NOT_APPLIED:
            self._journal.close(entry, "failed", elapsed_seconds, **said)
            self._journal.flush()
            raise self._refused(migration, statement, error, statement.ordinal - 1) from error
        self._journal.doubt(entry, **said)
        told = doubtful(migration, entry, error, found)
        if self._connection.watch is not None and self._connection.watch.broken_off:
            raise Interrupted(f"Asked to stop. {told.message}", self._stop.signum, **told.facts) from error
        raise told from error

    def _refused(self, migration: Migration, statement: Statement, error: ServerError, left: int) -> SchemagateError:
        """What the start ends with; `left` of the file's statements are applied then."""
        watch = self._connection.watch
        if watch is None or not watch.broken_off:
            refused = failed(migration, statement, error, left)
            if error.errno in (LOCK_WAIT, DEADLOCK):
                names = [name.name for name in statement.names]
                refused.facts["blockers"] = in_the_way(self._connection, error, self._database, names)
            return refused
        return broken_off(migration, statement, error, left, self._stop.signum)

    # --- what has to hold ---

    def _hold_the_lock(self) -> None:
        if time.monotonic() - self._lock_seen < LOCK_LOOK_SECONDS:
            return
        if not lock.keeps(self._connection, self._database):
            raise LockTimeout(
                "The lock was lost while migrations ran: something between us and MySQL changed the session, or a "
                "routine gave its locks away. Connect to the server itself, not through a pooling proxy, and start "
                "again."
            )
        self._lock_seen = time.monotonic()
