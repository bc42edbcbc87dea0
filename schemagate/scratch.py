"""The schema that is the shadow: its name, whose it is, and how it is made and dropped."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING

from schemagate.errors import LockTimeout
from schemagate.lexer import quote
from schemagate.lock import holder_of, shadow_lock_name, take
from schemagate.refusals import DENIED, NO_SUCH_TABLE, ServerError, let_pass
from schemagate.server import ALL_ROWS

if TYPE_CHECKING:
    from collections.abc import Callable

    from schemagate.database import Connection
    from schemagate.server import Server

MARKER = "schemagate_shadow_of"
MOMENT_SECONDS, PATIENCE_SECONDS = 2, 10
TABLES = frozenset({"BASE TABLE", "SYSTEM VERSIONED"})
OTHERS = frozenset({"VIEW", "SEQUENCE", "PROCEDURE", "FUNCTION", "EVENT"})
AT_ONCE = 500


class ShadowUnavailable(Exception):
    """There may be no shadow here; the message says why, for a person."""


def not_granted(name: str, error: ServerError) -> ShadowUnavailable:
    """Why the account may not have it, where a right is what it lacks."""
    return ShadowUnavailable(
        f"the account may not do in schema {name} what is needed ({error.errno}: {error.text}); "
        f"GRANT ALL ON `{name}`.* to it for the full proof"
    )


def shadow_name(database: str, setting: str) -> str:
    """The name of the shadow of a schema. From a hash: 64 characters are the limit, and `<db>__shadow` may be
    somebody's.
    """
    if setting != "auto":
        return setting
    return "schemagate_shadow_" + hashlib.sha256(database.encode()).hexdigest()[:16]


def alone(connection: Connection, name: str, database: str, prove: Callable[[], None]) -> None:
    """Let nobody but this session work in the shadow of the schema, until it ends.

    Only under the lock: so whoever does is left of a start that died, and nothing that it does is of use to anybody. It
    has a moment to end by itself, since half a DROP DATABASE is more than none, and is ended then. `prove` raises where
    the lock is another's by now. Raises LockTimeout where that session cannot be ended.
    """
    lock_of_it = shadow_lock_name(database)
    if not take(connection, lock_of_it, MOMENT_SECONDS):
        orphan = holder_of(connection, lock_of_it)
        prove()
        if orphan is not None:
            with suppress(ServerError):  # it has just ended by itself, or is not to be ended by this account
                connection.execute(f"KILL {orphan}")
        if not take(connection, lock_of_it, PATIENCE_SECONDS):
            raise LockTimeout(
                f"Connection {orphan} works in schema {name}, for a start that is dead, and does not end. See what it "
                "does (SHOW FULL PROCESSLIST), end it, and start again.",
                holder=f"connection {orphan}",
            )
    prove()


def make(connection: Connection, name: str, here: Server) -> None:
    """Make the shadow of the schema behind the gate, empty, and work in it. Raises ShadowUnavailable, and leaves none
    then that was made here.
    """
    begun = False
    try:
        drop(connection, name, here.database)
        charset = here.collation.split("_", 1)[0]
        connection.execute(f"CREATE DATABASE {quote(name)} CHARACTER SET {charset} COLLATE {here.collation}")
        begun = True
        # The first object says whose it is: what has objects and no marker is somebody's, and is never dropped.
        connection.execute(f"CREATE TABLE {quote(name)}.{MARKER} (of_schema VARCHAR(64) PRIMARY KEY) ENGINE=InnoDB")
        connection.execute(f"INSERT INTO {quote(name)}.{MARKER} VALUES (%s)", here.database)
        connection.execute(f"SELECT of_schema FROM {quote(name)}.{MARKER}")  # without that, it cannot be dropped
        connection.execute(f"USE {quote(name)}")
    except ServerError as error:
        if begun:
            with suppress(ServerError):
                connection.execute(f"DROP DATABASE {quote(name)}")
        if error.errno in DENIED:
            raise not_granted(name, error) from error
        let_pass(error)
        raise ShadowUnavailable(f"schema {name} cannot be made anew ({error.errno}: {error.text})") from error


def drop(connection: Connection, name: str, database: str) -> None:
    """Drop the shadow of this schema, if it is there. Raises ShadowUnavailable where the name is somebody else's."""
    # The session is as the files that were tried in it have left it.
    connection.execute(f"SET SESSION sql_big_selects = 1, sql_select_limit = {ALL_ROWS}")
    there = connection.execute("SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s", name).rows
    if not there:
        return
    try:
        owners = connection.execute(f"SELECT of_schema FROM {quote(name)}.{MARKER}").rows
        ours = any(owner == database for (owner,) in owners) or (
            not owners and _objects(connection, name) == 1  # killed between making the marker and filling it
        )
    except ServerError as error:
        if error.errno != NO_SUCH_TABLE:
            raise
        ours = _objects(connection, name) == 0
    if not ours:
        raise ShadowUnavailable(f"schema {name} exists and is not ours; set SCHEMAGATE_SHADOW to another name")
    connection.execute("SET SESSION foreign_key_checks = 0")
    _drop_what_is_in_it(connection, name)
    connection.execute(f"DROP DATABASE {quote(name)}")
    connection.execute("SET SESSION foreign_key_checks = 1")


def _drop_what_is_in_it(connection: Connection, name: str) -> None:
    """All but the marker, which says until the end whose it is.

    MariaDB drops a schema table by table and then what it has of programs, and a crash leaves the rest; one that is
    ended in the middle even leaves programs that show again in the next schema of that name. MySQL does it at once
    where all tables are of InnoDB. https://dev.mysql.com/doc/refman/9.4/en/atomic-ddl.html
    """
    db = quote(name)
    found = connection.execute(
        "SELECT TABLE_TYPE, TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND TABLE_NAME <> %s "
        "UNION ALL SELECT ROUTINE_TYPE, ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = %s "
        "UNION ALL SELECT 'EVENT', EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = %s",
        name, MARKER, name, name,
    ).rows  # fmt: skip
    tables = [f"{db}.{quote(each)}" for kind, each in found if kind in TABLES]
    with suppress(ServerError):  # then they go with the schema
        for kind, each in found:
            if kind in OTHERS:
                connection.execute(f"DROP {kind} IF EXISTS {db}.{quote(each)}")
        for first in range(0, len(tables), AT_ONCE):
            connection.execute(f"DROP TABLE IF EXISTS {', '.join(tables[first : first + AT_ONCE])}")


def _objects(connection: Connection, name: str) -> int:
    return sum(
        int(connection.execute(f"SELECT COUNT(*) FROM information_schema.{table} WHERE {column} = %s", name).rows[0][0])
        for table, column in (("TABLES", "TABLE_SCHEMA"), ("ROUTINES", "ROUTINE_SCHEMA"), ("EVENTS", "EVENT_SCHEMA"))
    )
