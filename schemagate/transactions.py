"""What is open in the session: a transaction that a file began, or one of ours around data statements."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from schemagate.kinds import OPAQUE
from schemagate.lexer import quote
from schemagate.refusals import DEADLOCK, LOCK_WAIT, NO_SUCH_SAVEPOINT, ServerError

if TYPE_CHECKING:
    from schemagate.database import Connection
    from schemagate.history import Entry
    from schemagate.journal import Journal
    from schemagate.log import Log

# With these the server takes back the whole transaction (1205 the statement alone): deadlock, lock wait, lock table
# full, a row that changed under MariaDB's snapshot, a conflict in Group Replication.
ROLLED_BACK = frozenset({DEADLOCK, LOCK_WAIT, 1206, 1020, 3101})
# One transaction takes so many data statements that follow each other, or as many as fit into the time.
BATCH_STATEMENTS = 500
BATCH_SECONDS = 0.5
# Whatever completion_type is by now: a procedure may have set it, and what comes next would be in a transaction, too.
COMMIT, ROLLBACK = "COMMIT AND NO CHAIN NO RELEASE", "ROLLBACK AND NO CHAIN NO RELEASE"


class Transactions:
    """At most one of the two is open. What is in it is committed, or taken back, together with its entries.

    That of a file ends with its COMMIT. Ours, a batch, takes the data statements that follow each other in a file.
    """

    def __init__(self, connection: Connection, journal: Journal, database: str, log: Log) -> None:
        self._connection, self._journal, self._database, self._log = connection, journal, database, log
        self.of_file = False  # is one open that the file began?
        self.savepoint = False  # in it, is there one that the file set?
        self.batch = False  # is one of ours open?
        self.batch_size = 0
        self.batch_until = 0.0  # by the clock that only goes forward
        self.marked = False  # does it have a savepoint of ours, behind its first statement?
        self._from = 0  # the ordinal where the last one began
        self._applied_before = 0  # how many entries were applied before it

    def begin(self, ordinal: int) -> None:
        """The file begins one with this statement."""
        self.of_file, self._from, self._applied_before = True, ordinal, self._journal.applied

    def commit(self) -> None:
        """Commit that of the file, where no COMMIT of its own does."""
        self._connection.do(COMMIT)
        self.of_file = False

    def begin_batch(self, ordinal: int) -> None:
        """Begin one of ours, of which this statement is the first."""
        self._journal.flush()
        self._connection.do("START TRANSACTION")
        self.batch, self.batch_size, self.batch_until = True, 0, time.monotonic() + BATCH_SECONDS
        self._from, self._applied_before = ordinal, self._journal.applied

    def mark(self) -> None:
        """Set our savepoint: it tells what became of the statements before it."""
        self._connection.do("SAVEPOINT schemagate")
        self.marked = True

    def commit_batch(self) -> None:
        """Commit ours, if it is open, together with its entries."""
        if not self.batch:
            return
        self.batch = False
        if self.marked and not self._is_still_open():
            # A statement committed by itself after all (the in-transaction flag would not have told). It is applied,
            # and its entry is written now; only the moment between the two was not covered.
            self._connection.meanwhile(partial(self._log.debug, "statement.committed_by_itself"))
        self._journal.flush(inside=True)
        self._connection.do(COMMIT)

    def fail(self, entry: Entry, error: ServerError, elapsed_seconds: float) -> int:
        """Keep what is applied, take back what cannot stay, and record the failure in a commit of its own.

        Returns how many of the file's statements are applied then.
        """
        left = entry.ordinal - 1
        if self.of_file or (self.batch and (error.errno in ROLLED_BACK or self._batch_is_gone())):
            # The whole transaction is gone (1213) or must go (1205 undoes the statement alone): its entries with it.
            self._take_back()
            left = self._from - 1
        self.commit_batch()
        self._journal.close(entry, "failed", elapsed_seconds, errno=error.errno, error=error.text)
        self._journal.flush()
        return left

    def _batch_is_gone(self) -> bool:
        """After an error: did the server take back the statements before it, too?"""
        return self.marked and not self._is_still_open()

    def _is_still_open(self) -> bool:
        """Is the transaction of ours still that of before? To be asked once: our savepoint is gone afterwards."""
        self.marked = False
        try:
            self._connection.do("RELEASE SAVEPOINT schemagate")
        except ServerError as error:
            if error.errno != NO_SUCH_SAVEPOINT:
                raise
            return False
        return True

    def _take_back(self) -> None:
        self._connection.do(ROLLBACK)
        self._journal.forget(self._applied_before)
        self.of_file, self.batch, self.marked = False, False, False

    def end_what_it_began(self, kind: str, how: str) -> None:
        """A procedure may leave a transaction open, or autocommit off: what follows would never be committed."""
        if kind in OPAQUE:
            self._connection.execute(how)
            self._connection.execute("SET SESSION autocommit = 1, completion_type = 0")
            self._connection.execute(f"USE {quote(self._database)}")

    def leave(self) -> None:
        """At the end, and before an early one: keep what is applied, and take back a transaction without its COMMIT."""
        if self.of_file:
            self._take_back()
        self.commit_batch()
        self._journal.flush()
