"""Entries that wait to be written, as SQL text; and writing to our tables while somebody may have locked them."""

from __future__ import annotations

import signal
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from schemagate.errors import Interrupted, LockTimeout
from schemagate.history import COLUMNS, TRACE
from schemagate.refusals import INTERRUPTED, LOCK_WAIT, ServerError

if TYPE_CHECKING:
    from schemagate.database import Connection
    from schemagate.history import Entry

OUTCOME = COLUMNS.index("outcome")
# So many entries are written with one statement.
TOGETHER = 500


class Unwritten:
    """The entries of one start that wait to be written into the journal: whoever begins or closes one adds it."""

    def __init__(self, connection: Connection, journal: str, patience: float) -> None:
        """`journal`: the table, with its schema; `patience`: so many seconds to wait for somebody who has locked it."""
        self._connection, self._journal, self._patience = connection, journal, patience
        self.entries: list[Entry] = []
        self._texts: dict[str, str] = {}  # as SQL
        self._head = (0, "")  # of which entry

    def flush(self, *, inside: bool = False) -> None:
        """Write them: in the transaction that is open (`inside`), or in one of their own.

        Where somebody has locked the journal, waits for it as long as for another start, or until SIGTERM ends the wait
        as it would end a statement: what a statement did is known now, and would be in doubt else. Raises LockTimeout
        or Interrupted then.
        """
        until, broken_off = None, 0
        while self.entries:
            columns = COLUMNS + TRACE if any(row.hashes_before for row in self.entries[:TOGETHER]) else COLUMNS
            texts = (self._row(row[: len(columns)]) for row in self.entries[:TOGETHER])
            try:
                with self._connection.watch or nullcontext():
                    self._connection.do(
                        f"REPLACE INTO {self._journal} ({', '.join(columns)}) VALUES ({'), ('.join(texts)})"
                    )
            except ServerError as error:
                if _is_broken_off(self._connection, error):
                    broken_off += 1
                    if broken_off > 1:  # it waits; the first may have been in the way of what was meant for a statement
                        raise _stopped(self._connection, error) from error
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
                del self.entries[:TOGETHER]

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


def write(connection: Connection, text: str, *values: Any) -> None:
    """Write to another of our tables, which somebody may have locked, too: SIGTERM ends the wait, by Interrupted."""
    try:
        with connection.watch or nullcontext():
            connection.execute(text, *values)
    except ServerError as error:
        if _is_broken_off(connection, error):
            raise _stopped(connection, error) from error
        raise


def _is_broken_off(connection: Connection, error: ServerError) -> bool:
    return error.errno == INTERRUPTED and connection.watch is not None and connection.watch.broken_off


def _stopped(connection: Connection, error: ServerError) -> Interrupted:
    watch = connection.watch
    return Interrupted(
        "Asked to stop while somebody holds a lock on schemagate's tables (a backup with LOCK TABLES?). What could "
        "not be written of the last statements is in doubt; the next start finds out what became of them.",
        watch.signum if watch else signal.SIGTERM,
        errno=error.errno,
        error=error.text,
    )
