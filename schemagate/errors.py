"""What can go wrong, and what each of it means to whoever started us.

    SchemagateError
    ├── SettingsInvalid       10  settings.invalid          1x: change the input
    ├── MigrationInvalid      11  migration.invalid
    ├── HistoryMismatch       12  history.mismatch
    ├── AccessDenied          13  database.access_denied
    ├── RehearsalFailed       14  rehearsal.failed
    ├── SnapshotStale         15  snapshot.stale
    ├── ClusterUnsafe         16  cluster.unsafe
    ├── DatabaseUnavailable   20  database.unavailable      2x: start again later
    ├── ConnectionLost        21  database.lost
    ├── LockTimeout           22  lock.timeout
    ├── Pending               23  migrations.pending        (`check`, dry run)
    ├── StatementFailed       30  statement.failed          3x: look at the database first
    ├── StatementInDoubt      31  statement.in_doubt
    ├── SchemaDrift           32  schema.drift
    ├── NotComparable         33  schema.not_comparable     (`diff` alone)
    └── Interrupted      130/143  start.interrupted

Success is 0 (`start.finished`). Any other exception is a bug: 1 (`start.crashed`).
"""

from __future__ import annotations

import signal
from typing import Any, ClassVar


class SchemagateError(Exception):
    """A start that ends with the gate shut, for a reason that we know.

    `message` is one sentence for a person, with the next step. `facts` are the same things for a machine: plain values
    under the names that the log uses (`migration`, `ordinal`, `line`, `errno`, …). Neither may hold a secret.
    """

    exit_code: ClassVar[int]
    event: ClassVar[str]

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts


class SettingsInvalid(SchemagateError):
    """The environment or the command line is wrong; `problems` has every problem."""

    exit_code = 10
    event = "settings.invalid"


class MigrationInvalid(SchemagateError):
    """A migration file cannot be read as SQL, or holds what no migration may; `file` and `line` say where."""

    exit_code = 11
    event = "migration.invalid"


class HistoryMismatch(SchemagateError):
    """Files and journal contradict each other: edited, missing, out of order."""

    exit_code = 12
    event = "history.mismatch"


class AccessDenied(SchemagateError):
    """The server refuses the account, or a right that the work needs."""

    exit_code = 13
    event = "database.access_denied"


class RehearsalFailed(SchemagateError):
    """A pending statement does not work in the shadow; the live schema was not touched."""

    exit_code = 14
    event = "rehearsal.failed"


class SnapshotStale(SchemagateError):
    """The migrations build something else than the snapshot says."""

    exit_code = 15
    event = "snapshot.stale"


class ClusterUnsafe(SchemagateError):
    """It cannot be known here that no other start is at work on another server of a cluster."""

    exit_code = 16
    event = "cluster.unsafe"


class DatabaseUnavailable(SchemagateError):
    """No server answered, or none that may be written to, within the time given."""

    exit_code = 20
    event = "database.unavailable"


class ConnectionLost(SchemagateError):
    """The session ended while we worked; the next start goes on from what the journal says."""

    exit_code = 21
    event = "database.lost"


class LockTimeout(SchemagateError):
    """Another start held the lock for longer than we may wait."""

    exit_code = 22
    event = "lock.timeout"


class Pending(SchemagateError):
    """`check`: migrations are pending, or what was begun or has changed only `up` can tell. Also `up --dry-run`."""

    exit_code = 23
    event = "migrations.pending"


class StatementFailed(SchemagateError):
    """The server refused a statement; the journal knows all that was applied before it."""

    exit_code = 30
    event = "statement.failed"


class StatementInDoubt(SchemagateError):
    """A statement was begun and has no outcome; a person has to look, and say."""

    exit_code = 31
    event = "statement.in_doubt"


class SchemaDrift(SchemagateError):
    """The schema found is not the one expected; `differences` has each deviation."""

    exit_code = 32
    event = "schema.drift"


class NotComparable(SchemagateError):
    """`diff` alone: what could be compared is equal, and something could not be compared here."""

    exit_code = 33
    event = "schema.not_comparable"


class Interrupted(SchemagateError):
    """A signal asked us to stop; the state is known and the next start goes on from there."""

    exit_code = 128 + signal.SIGTERM
    event = "start.interrupted"

    def __init__(self, message: str, signum: int | None = None, **facts: Any) -> None:
        signum = signum or signal.SIGTERM
        super().__init__(message, signal=signal.Signals(signum).name, **facts)
        # The convention of shells: 143 for SIGTERM, 130 for SIGINT.
        self.exit_code = 128 + signum  # type: ignore[misc]
