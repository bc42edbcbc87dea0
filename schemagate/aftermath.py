"""A statement that the server answered with an error: what it has done, which is not always nothing, and how the start
ends then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from schemagate.errors import Interrupted, MigrationInvalid, StatementFailed
from schemagate.isolation import words_of
from schemagate.kinds import DATA, OPAQUE
from schemagate.migrations import excerpt, place
from schemagate.plan import in_doubt
from schemagate.refusals import (
    DEADLOCK,
    DENIED,
    IN_THE_WAY,
    INTERRUPTED,
    LOCK_WAIT,
    NO_ROOM,
    NO_SUCH_COLUMN,
    NO_SUCH_TABLE,
    NO_TRIGGER_RIGHT,
    READ_ONLY,
    SYNTAX,
    WORTH_A_RETRY,
    ServerError,
)
from schemagate.settle import Finding
from schemagate.traces import APPLIED, NOT_APPLIED, OTHER, SAME, TRACED, UNKNOWN, trace_of

if TYPE_CHECKING:
    from schemagate.errors import StatementInDoubt
    from schemagate.history import Entry
    from schemagate.migrations import Migration
    from schemagate.sql import Statement

# Of a statement that calls nothing, these are found before it does anything: it is read, its tables and columns are
# found, rights on all of them are asked for, values are counted; the server may have become read-only.
BEFORE_IT_RAN = DENIED | READ_ONLY | {SYNTAX, NO_SUCH_TABLE, NO_SUCH_COLUMN, 1136}
# A procedure that is not there, or takes other arguments; said of what it calls in turn, too.
NO_SUCH_ROUTINE, OTHER_ARGUMENTS, NO_SUCH_PREPARED = 1305, 1318, 1243


# They answer with rows, also where they could not do what they were asked for.
REPORTING = frozenset({"optimize table", "analyze table", "repair table"})
SAID = {
    "Lock wait timeout": LOCK_WAIT,
    "Deadlock": DEADLOCK,
    "interrupted": INTERRUPTED,
    "doesn't exist": NO_SUCH_TABLE,
}
NO_NUMBER = 1105  # the server's number for an error that has none


def reported(rows: Sequence[Any]) -> ServerError | None:
    """The error in the answer of such a statement: table, operation, type, text."""
    for *_, how, text in filter(None, rows):
        if str(how).lower() == "error":
            return ServerError(next((number for part, number in SAID.items() if part in text), NO_NUMBER), text)
    return None


def after_error(entry: Entry, statement: Statement, error: ServerError, look: Callable[[Entry], Finding]) -> Finding:
    """The outcome of a begun statement that ended with an error; `look` finds what there is to see of it.

    MariaDB's `DROP TABLE a, nope, b` says that there is no nope, and a and b are gone; an INSERT of several rows into a
    MyISAM table leaves those before the one that was refused. See docs/fine-print.md, "One statement is atomic".
    """
    kind = entry.kind
    if kind in OPAQUE:
        if _never_began(statement, kind, error):
            return Finding(NOT_APPLIED, "it was refused before it ran")
        return Finding(UNKNOWN, "What it did before that error cannot be seen in the schema.")
    # MariaDB may find out what a new table lacks when it has dropped the old one.
    if error.errno in BEFORE_IT_RAN and (kind != "create table" or _is_atomic(statement, kind)):
        return Finding(NOT_APPLIED, "it was refused before it ran")
    if kind in DATA:  # that it was begun says that its tables are not of InnoDB alone
        return Finding(UNKNOWN, "It is not of InnoDB tables alone, and may have changed rows before that error.")
    if kind not in TRACED:
        return Finding(NOT_APPLIED, "the server says so")
    try:
        found, trace = look(entry), trace_of(entry)
    except Interrupted:  # there is no time to tell a first start again
        found, trace = Finding(UNKNOWN, "There was no time to look."), None
    if found.verdict == APPLIED and trace and not trace.predicted:
        return Finding(
            OTHER, "It was not rehearsed, and something of what it names was changed all the same.", found.facts
        )
    if found.verdict == OTHER and kind == "create table" and not _is_atomic(statement, kind):
        how = "The server has dropped the old table, as far as there was one, and has not made the new one."
        return Finding(OTHER, how, found.facts)
    if found.verdict == SAME or (found.verdict == UNKNOWN and _is_atomic(statement, kind)):
        return Finding(NOT_APPLIED, "the server says so, and there is nothing to be seen of it", found.facts)
    return found


# Of an account, nothing that is to be seen here tells.
REFUSED_AGAIN = Finding(UNKNOWN, "It was begun before, and where it was run then, that is why it may be refused now.")


def _never_began(statement: Statement, kind: str, error: ServerError) -> bool:
    if kind == "call" and error.errno in (NO_SUCH_ROUTINE, OTHER_ARGUMENTS):
        return any(f".{name.name} ".lower() in f"{error.text} ".lower() for name in statement.names[:1])
    return error.errno == (NO_SUCH_PREPARED if kind == "execute" else SYNTAX)


def _is_atomic(statement: Statement, kind: str) -> bool:
    """Is it documented, of either flavour, that it is done as a whole or not at all?"""
    if kind.startswith("drop "):
        return len(statement.names) < 2
    return kind != "create table" or words_of(statement)[1:3] != ["OR", "REPLACE"]


def doubtful(migration: Migration, entry: Entry, error: ServerError, found: Finding) -> StatementInDoubt:
    """The error for a statement that was answered with an error, and did something all the same, or may have."""
    return in_doubt(
        entry,
        found.how,
        ended=f"{migration.file}:{entry.line}: statement {entry.ordinal} of {migration.count} ({entry.kind}) failed, "
        f"the server says {error.errno}: {error.text}.",
        file=migration.file,
        errno=error.errno,
        error=error.text,
        state=f"{entry.ordinal - 1} of {migration.count} statements of this file are applied; this one is in doubt",
        **found.facts,
    )


# --- what a start ends with ---


def failed(migration: Migration, statement: Statement, error: ServerError, left: int) -> StatementFailed:
    """The error for a statement that failed. `left`: how many of the file are applied, from the first one on."""
    stays, mend = "What came before it stays applied", f"statement {statement.ordinal}"
    if left < statement.ordinal - 1:
        stays = f"Statements {left + 1} to {statement.ordinal} are one transaction, which was taken back"
        mend = f"statement {left + 1}"
    return StatementFailed(
        f"{migration.file}:{statement.line}: statement {statement.ordinal} of {migration.count} failed, the server "
        f"says {error.errno}: {error.text}. {stays}; {_way_out(error.errno, mend)} and start again.",
        migration=migration.name,
        **place(migration.file, statement),
        statements=migration.count,
        statement=excerpt(statement),
        errno=error.errno,
        error=error.text,
        state=f"{left} of {migration.count} statements of this file are applied, this one is not",
        next="schemagate status",
    )


def _way_out(errno: int, mend: str) -> str:
    if errno == NO_TRIGGER_RIGHT:
        return "have an administrator set log_bin_trust_function_creators = 1 (there is a binary log)"
    if errno in DENIED:
        return "grant the account the right it lacks"
    if errno in WORTH_A_RETRY:
        return "let whoever holds the lock end its transaction"
    if errno in IN_THE_WAY:
        return "see who or what ended it"
    if errno in NO_ROOM:
        return "make room on the server, or in its table"
    return f"mend the file from {mend} on (or the rows it meets)"


def broken_off(migration: Migration, statement: Statement, error: ServerError, left: int, signum: int) -> Interrupted:
    """The end of a start that was asked to stop and broke off the statement that ran; `left` as above."""
    return Interrupted(
        f"Asked to stop: statement {statement.ordinal} of {migration.name} ran on for too long and was broken off "
        f"(SCHEMAGATE_STOP_SECONDS); it is not applied. The next start goes on behind statement {left}.",
        signum,
        migration=migration.name,
        ordinal=statement.ordinal,
        line=statement.line,
        statement=excerpt(statement),
        errno=error.errno,
        error=error.text,
        state=f"{left} of {migration.count} statements of this file are applied, this one is not",
    )


def too_long(migration: Migration, statement: Statement, limit: int) -> MigrationInvalid:
    """The error for a statement that the server would not take: it would end the session without a word of why."""
    return MigrationInvalid(
        f"{migration.file}:{statement.line}: statement {statement.ordinal} has {len(statement.raw):,} bytes, and "
        f"the server takes less than {limit:,} (max_allowed_packet). Divide it, or raise the server's limit.",
        **place(migration.file, statement),
        state=f"{statement.ordinal - 1} of {migration.count} statements of this file are applied",
    )


def not_inside(migration: Migration, statement: Statement, kind: str) -> MigrationInvalid:
    """The error for a statement in a transaction of the file that may do what nobody can take back with it."""
    return MigrationInvalid(
        f"{migration.file}:{statement.line}: {kind.upper()} may not be in a transaction here: what it does "
        "(by a view, in a table that is not InnoDB, in a procedure) may be nothing that goes back with it. "
        "Put it outside.",
        **place(migration.file, statement),
    )
