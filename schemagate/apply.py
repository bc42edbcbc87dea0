"""Run the plan, statement by statement."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from schemagate import lock, server
from schemagate.aftermath import after_error, broken_off, doubtful, failed, not_inside, too_long
from schemagate.blockers import blockers
from schemagate.effects import Around
from schemagate.engines import Engines
from schemagate.errors import (
    ConnectionLost,
    Interrupted,
    LockTimeout,
    SchemagateError,
)
from schemagate.kinds import DATA, OPAQUE
from schemagate.lexer import quote
from schemagate.prepared import Prepared
from schemagate.refusals import DEADLOCK, LOCK_WAIT, NO_SUCH_SAVEPOINT, ServerError
from schemagate.session import SESSION, UNSETTLING, Keeper, Resumed, passes
from schemagate.traces import APPLIED, NOT_APPLIED, TRACED
from schemagate.variables import run
from schemagate.witness import witnessed

if TYPE_CHECKING:
    from schemagate.database import Connection
    from schemagate.history import Entry
    from schemagate.journal import Journal
    from schemagate.log import Log
    from schemagate.migrations import Migration
    from schemagate.plan import Plan, Todo
    from schemagate.server import Server
    from schemagate.settings import Settings
    from schemagate.settle import Finding
    from schemagate.sql import Statement
    from schemagate.stop import Stop
    from schemagate.traces import Tracer

# In a transaction of the file these belong to it.
INSIDE = frozenset({"select", "savepoint", "release savepoint", "rollback to savepoint", "do", "set"})
# With these the server takes back the whole transaction (1205 the statement alone): deadlock, lock wait, lock table
# full, a row that changed under MariaDB's snapshot, a conflict in Group Replication.
ROLLED_BACK = frozenset({DEADLOCK, LOCK_WAIT, 1206, 1020, 3101})
# One transaction takes so many data statements that follow each other, or as many as fit into the time.
BATCH_STATEMENTS = 500
BATCH_SECONDS = 0.5
# For shorter statements nobody asks whether the server takes them: its max_allowed_packet is hardly ever less.
LONG = 1 << 20
# The lock goes with the connection, which shows, or by SQL: after any that could do it we look at once. What is left is
# a proxy that changes our session behind our back, and that is found out soon enough.
LOCK_LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Applied:
    """What was run: migrations brought to their end, statements, rows changed."""

    migrations: int = 0
    statements: int = 0
    rows: int = 0


def apply(
    plan: Plan,
    connection: Connection,
    journal: Journal,
    tracer: Tracer,
    look: Callable[[Entry], Finding],
    here: Server,
    settings: Settings,
    stop: Stop,
    log: Log,
) -> Applied:
    """Run what is left, in order. Raises StatementFailed, Interrupted (between two statements), ConnectionLost.

    Whatever it raises: the journal says what was applied, and the next start goes on from there.
    """
    work = _Run(connection, journal, tracer, look, here, settings, stop, log)
    for migration, count in plan.accepted:
        checksums = [statement.checksum for statement in islice(migration.statements(), count)]
        log.warning("migration.accepted", migration=migration.name, statements=count)
        journal.accept(migration.name, checksums, migration.count)
    for migration in plan.completed:
        journal.complete(migration.name, migration.count)
    for migration in plan.declared:
        journal.declare(migration.name, migration.compatible_with)
    for name in plan.removed:
        log.info("migration.removed", migration=name)
    try:
        for todo in plan.todo:
            work.file(todo)
    except ConnectionLost:
        raise
    except (SchemagateError, ServerError):
        work.leave()
        raise
    else:
        work.leave()
    finally:
        connection.catch_up()
    return Applied(len(plan.todo), work.statements, work.rows)


class _Run:
    """One run of a plan in one session: what is open, and what has to be put back."""

    def __init__(
        self,
        connection: Connection,
        journal: Journal,
        tracer: Tracer,
        look: Callable[[Entry], Finding],
        here: Server,
        settings: Settings,
        stop: Stop,
        log: Log,
    ) -> None:
        self._connection, self._journal, self._database = connection, journal, here.database
        self._tracer, self._look = tracer, look
        self._stop, self._log = stop, log
        opening = server.working_session(here.flavour, settings.lock_wait_seconds)
        self._keeper = Keeper(connection, opening, log)
        self._engines = Engines(connection, here.database)
        self._around = Around()  # the temporary tables of the file
        self._prepared = Prepared()
        self._transaction = False  # one that the file began
        self._savepoint = False  # in it, is there one that the file set?
        self._open_from = 0  # the ordinal where the last transaction began, that of a file or one of ours
        self._applied_before = 0  # how many entries were applied before it
        self._batch: float | None = None  # since when a transaction of ours is open
        self._batch_size = 0
        self._marked = False  # does it have a savepoint of ours, behind its first statement?
        self._lock_seen = float("-inf")  # when the lock was ours for certain
        self.statements = 0
        self.rows = 0

    def file(self, todo: Todo) -> None:
        """Run what is left of one migration; the session is then as it was before."""
        migration, began, rows = todo.migration, time.monotonic(), self.rows
        self._say("info", "migration.began", migration=migration.name, statements=todo.count)
        resumed = Resumed(todo, self._connection, self._keeper)
        self._around, self._prepared = Around(), Prepared()
        for statement in migration.statements():
            kind = statement.kind
            if statement.ordinal < todo.first:
                resumed.again(statement, kind)
                self._around.note_temporary(statement, kind)
                self._prepared.note(statement, kind)
                del statement
                continue
            self._stop_if_asked(migration, statement)
            if len(statement.raw) >= LONG:
                self._refuse_too_long(migration, statement)
            resumed.before(statement)
            self._keeper.before(statement, kind)
            self._one(migration, statement, kind)
            self._prepared.note(statement, kind)
            del statement  # before the next is read: each may be as long as memory allows
        self._commit_batch()  # the outcome of any other statement is written together with the next entry
        self._keeper.put_back()
        if migration.compatible_with:
            self._journal.flush()
            self._journal.declare(migration.name, migration.compatible_with)
        self._say(
            "info",
            "migration.applied",
            migration=migration.name,
            statements=todo.count,
            rows=self.rows - rows,
            elapsed_seconds=round(time.monotonic() - began, 3),
        )

    def _refuse_too_long(self, migration: Migration, statement: Statement) -> None:
        """The server would end the session without a word of why."""
        (limit,) = self._connection.execute("SELECT @@SESSION.max_allowed_packet").rows[0]
        if len(statement.raw) < int(limit):
            return
        self.leave()
        raise too_long(migration, statement, int(limit))

    def _say(self, level: str, event: str, **fields: Any) -> None:
        """Say it while the server works on what comes next."""
        self._connection.meanwhile(partial(getattr(self._log, level), event, **fields))

    # --- one statement: three ways to know afterwards whether it was done ---

    def _one(self, migration: Migration, statement: Statement, kind: str) -> None:
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
        self.statements += 1
        self.rows += rows
        self._say(
            "debug",
            "statement.applied",
            migration=migration.name,
            ordinal=statement.ordinal,
            line=statement.line,
            kind=kind,
            rows=rows,
            elapsed_seconds=round(time.monotonic() - began, 3),
        )

    def _way(
        self, migration: Migration, statement: Statement, kind: str
    ) -> Callable[[Migration, Statement, Entry], int]:
        if not statement.raw:
            return self._nothing
        if kind == "start transaction":
            return self._start_transaction
        if self._transaction and kind == "commit":
            return self._commit
        passing = passes(statement, kind, self._around)
        if passing and (not self._transaction or kind in SESSION | DATA):
            return self._passing
        data = statement if kind in DATA else self._prepared.data(statement, kind)
        if data and self._engines.transactional(data, data.kind):
            return self._inside if self._transaction else self._batched
        if self._transaction and kind in DATA | OPAQUE:
            raise not_inside(migration, statement, kind)
        if self._transaction and kind in INSIDE | SESSION:
            return self._inside
        return self._begun

    def _nothing(self, migration: Migration, statement: Statement, entry: Entry) -> int:
        """What it does is there already, or is not to be done: nothing but its entry is written."""
        self._journal.close(entry, "applied", 0.0)
        if self._journal.unwritten >= BATCH_STATEMENTS and self._batch is None and not self._transaction:
            self._journal.flush()
        return 0

    def _begun(self, migration: Migration, statement: Statement, entry: Entry) -> int:
        """It commits by itself: its entry is committed before, and closed after."""
        self._commit_batch()
        self._hold_the_lock()
        entry = self._tracer.begin(entry, statement)
        entry = witnessed(entry, statement, entry.kind, self._connection, self._database)
        self._journal.begin(entry)
        if (
            self._transaction
        ):  # it would commit what the file left open: so do we, for the entries of that to be there first
            self._connection.do("COMMIT")
            self._transaction = False
        self._connection.meanwhile(partial(self._engines.begun, statement, entry.kind))
        began = time.monotonic()
        try:
            rows = run(self._connection, statement)
        except ServerError as error:
            self._end_what_it_began(entry.kind, "ROLLBACK")
            self._after_error(migration, statement, entry, error, time.monotonic() - began)
            return 0
        self._end_what_it_began(entry.kind, "COMMIT")
        self._journal.close(entry, "applied", time.monotonic() - began, rows_changed=rows)
        if entry.kind not in TRACED:  # nobody could tell by looking: the next entry may be a long time away
            self._journal.flush()
        return rows

    def _after_error(
        self, migration: Migration, statement: Statement, entry: Entry, error: ServerError, elapsed_seconds: float
    ) -> None:
        """Write what became of it, and raise what the start ends with; return where it is applied all the same."""
        found = after_error(entry, statement, error, self._look)
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

    def _batched(self, migration: Migration, statement: Statement, entry: Entry) -> int:
        """A data statement: committed together with its entry, and with the data statements beside it."""
        if self._batch is None:
            self._hold_the_lock()
            self._journal.flush()
            self._connection.do("START TRANSACTION")
            self._batch, self._batch_size = time.monotonic(), 0
            self._open_from, self._applied_before = statement.ordinal, self._journal.applied
        elif not self._marked:
            self._connection.do("SAVEPOINT schemagate")  # it tells what became of the statements before it
            self._marked = True
        rows = self._inside(migration, statement, entry)
        self._batch_size += 1
        if self._batch_size >= BATCH_STATEMENTS or time.monotonic() - self._batch > BATCH_SECONDS:
            self._commit_batch()
        return rows

    def _inside(self, migration: Migration, statement: Statement, entry: Entry) -> int:
        """In a transaction, or without any effect that lasts: the entry is written before the next commit."""
        began = time.monotonic()
        try:
            rows = run(self._connection, statement)
        except ServerError as error:
            left = self._fail(entry, error, time.monotonic() - began)
            raise self._refused(migration, statement, error, left) from error
        self._journal.close(entry, "applied", time.monotonic() - began, rows_changed=rows)
        self._savepoint = self._transaction and (self._savepoint or entry.kind == "savepoint")
        # A transaction of a million statements: memory is limited. But ROLLBACK TO would take the entries along.
        if self._journal.unwritten >= BATCH_STATEMENTS and not self._savepoint:
            self._journal.flush(inside=self._transaction or self._batch is not None)
        return rows

    def _passing(self, migration: Migration, statement: Statement, entry: Entry) -> int:
        """Of the session alone: its entry is written with the next one, and without, it is run again."""
        self._commit_batch()
        rows = self._inside(migration, statement, entry)
        self._around.note_temporary(statement, entry.kind)
        return rows

    def _start_transaction(self, migration: Migration, statement: Statement, entry: Entry) -> int:
        self._commit_batch()
        self._journal.flush()
        self._hold_the_lock()
        self._transaction, self._open_from, self._applied_before = True, statement.ordinal, self._journal.applied
        return self._inside(migration, statement, entry)

    def _commit(self, migration: Migration, statement: Statement, entry: Entry) -> int:
        """The COMMIT of a transaction written in the file: all its entries, its own too, are committed by it."""
        began = time.monotonic()
        self._journal.close(entry, "applied", 0.0, rows_changed=0)
        try:
            self._journal.flush(inside=True)
            self._connection.run(statement.raw)
        except ServerError as error:
            left = self._fail(entry, error, time.monotonic() - began)
            raise self._refused(migration, statement, error, left) from error
        self._transaction = False
        return 0

    def _end_what_it_began(self, kind: str, how: str) -> None:
        """A procedure may leave a transaction open, or autocommit off: what follows would never be committed."""
        if kind in OPAQUE:
            self._connection.execute(how)
            self._connection.execute("SET SESSION autocommit = 1")
            self._connection.execute(f"USE {quote(self._database)}")

    # --- transactions of ours ---

    def _commit_batch(self) -> None:
        if self._batch is None:
            return
        self._batch = None
        if self._marked and not self._is_still_open():
            # A statement committed by itself after all (the in-transaction flag would not have told). It is applied,
            # and its entry is written now; only the moment between the two was not covered.
            self._say("debug", "statement.committed_by_itself")
        self._journal.flush(inside=True)
        self._connection.do("COMMIT")

    def _fail(self, entry: Entry, error: ServerError, elapsed_seconds: float) -> int:
        """Keep what is applied, take back what cannot stay, and record the failure in a commit of its own.

        Returns how many of the file's statements are applied then.
        """
        left = entry.ordinal - 1
        if self._transaction or (self._batch is not None and (error.errno in ROLLED_BACK or self._batch_is_gone())):
            # The whole transaction is gone (1213) or must go (1205 undoes the statement alone): its entries with it.
            self._take_back()
            left = self._open_from - 1
        self._commit_batch()
        self._journal.close(entry, "failed", elapsed_seconds, errno=error.errno, error=error.text)
        self._journal.flush()
        return left

    def _batch_is_gone(self) -> bool:
        """After an error: did the server take back the statements before it, too?"""
        return self._marked and not self._is_still_open()

    def _is_still_open(self) -> bool:
        """Is the transaction of ours still that of before? To be asked once: our savepoint is gone afterwards."""
        self._marked = False
        try:
            self._connection.do("RELEASE SAVEPOINT schemagate")
        except ServerError as error:
            if error.errno != NO_SUCH_SAVEPOINT:
                raise
            return False
        return True

    def _take_back(self) -> None:
        self._connection.do("ROLLBACK")
        self._journal.forget(self._applied_before)
        self._transaction, self._batch, self._marked = False, None, False

    def leave(self) -> None:
        """At the end, and before an early one: keep what is applied, and take back a transaction without its COMMIT."""
        if self._transaction:
            self._take_back()
        self._commit_batch()
        self._journal.flush()

    def _stop_if_asked(self, migration: Migration, statement: Statement) -> None:
        if not self._stop.requested:
            return
        self.leave()
        raise Interrupted(
            f"Asked to stop: nothing was begun after statement {statement.ordinal - 1} of {migration.name}; "
            "the next start goes on from there.",
            self._stop.signum,
            migration=migration.name,
            ordinal=statement.ordinal,
            applied=self.statements,
        )

    def _refused(self, migration: Migration, statement: Statement, error: ServerError, left: int) -> SchemagateError:
        """What the start ends with; `left` of the file's statements are applied then."""
        watch = self._connection.watch
        if watch is None or not watch.broken_off:
            refused = failed(migration, statement, error, left)
            if error.errno == LOCK_WAIT:
                names = [name.name for name in statement.names]
                refused.facts["blockers"] = blockers(self._connection, self._database, names) or None
            return refused
        return broken_off(migration, statement, error, left, self._stop.signum)

    # --- what has to hold ---

    def _hold_the_lock(self) -> None:
        if time.monotonic() - self._lock_seen < LOCK_LOOK_SECONDS:
            return
        watch = self._connection.watch
        if not (watch.holds(self._connection) if watch else lock.held(self._connection, self._database)):
            raise LockTimeout(
                "The lock was lost while migrations ran: something between us and MySQL changed the session. "
                "Connect to the server itself, not through a pooling proxy, and start again."
            )
        self._lock_seen = time.monotonic()
