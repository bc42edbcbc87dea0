"""Run the plan, file by file."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from schemagate import server
from schemagate.aftermath import too_long
from schemagate.errors import ConnectionLost, Interrupted, SchemagateError
from schemagate.keeper import Keeper
from schemagate.refusals import ServerError
from schemagate.session import Resumed
from schemagate.transactions import Transactions
from schemagate.ways import Ways

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

# For shorter statements nobody asks whether the server takes them: its max_allowed_packet is hardly ever less.
LONG = 1 << 20


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
    transactions = Transactions(connection, journal, here.database, log)
    ways = Ways(connection, journal, transactions, tracer, look, here.database, stop, log)
    keeper = Keeper(connection, server.working_session(here.flavour, settings.lock_wait_seconds), log)
    work = _Run(connection, journal, transactions, ways, keeper, stop, log)
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
        transactions.leave()
        raise
    else:
        transactions.leave()
    finally:
        connection.catch_up()
    return Applied(len(plan.todo), ways.statements, ways.rows)


@dataclass(frozen=True, slots=True)
class _Run:
    """One run of a plan in one session."""

    connection: Connection
    journal: Journal
    transactions: Transactions
    ways: Ways
    keeper: Keeper
    stop: Stop
    log: Log

    def file(self, todo: Todo) -> None:
        """Run what is left of one migration; the session is then as it was before."""
        migration, began, ways = todo.migration, time.monotonic(), self.ways
        rows = ways.rows
        # Said while the server works on what comes next.
        self.connection.meanwhile(
            partial(self.log.info, "migration.began", migration=migration.name, statements=todo.count)
        )
        resumed = Resumed(todo, self.connection, self.keeper)
        ways.begin_file()
        for statement in migration.statements():
            kind = statement.kind
            if statement.ordinal < todo.first:
                resumed.again(statement, kind)
                ways.behind(statement, kind)
                del statement
                continue
            self._stop_if_asked(migration, statement)
            if len(statement.raw) >= LONG:
                self._refuse_too_long(migration, statement)
            resumed.before(statement)
            self.keeper.before(statement, kind)
            ways.apply(migration, statement, kind)
            del statement  # before the next is read: each may be as long as memory allows
        self.transactions.commit_batch()  # the outcome of any other statement is written together with the next entry
        self.keeper.put_back()
        if migration.compatible_with:
            self.journal.flush()
            self.journal.declare(migration.name, migration.compatible_with)
        self.connection.meanwhile(
            partial(
                self.log.info,
                "migration.applied",
                migration=migration.name,
                statements=todo.count,
                rows=ways.rows - rows,
                elapsed_seconds=round(time.monotonic() - began, 3),
            )
        )

    def _stop_if_asked(self, migration: Migration, statement: Statement) -> None:
        """Between two statements."""
        if not self.stop.requested:
            return
        self.transactions.leave()
        raise Interrupted(
            f"Asked to stop: nothing was begun after statement {statement.ordinal - 1} of {migration.name}; "
            "the next start goes on from there.",
            self.stop.signum,
            migration=migration.name,
            ordinal=statement.ordinal,
            applied=self.ways.statements,
        )

    def _refuse_too_long(self, migration: Migration, statement: Statement) -> None:
        """The server would end the session without a word of why."""
        (limit,) = self.connection.execute("SELECT @@SESSION.max_allowed_packet").rows[0]
        if len(statement.raw) < int(limit):
            return
        self.transactions.leave()
        raise too_long(migration, statement, int(limit))
