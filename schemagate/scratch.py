"""The schema that is the shadow: its name, whose it is, and how it is made and dropped."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING

from schemagate.lexer import quote
from schemagate.refusals import DENIED, IN_THE_WAY, NO_SUCH_TABLE, ServerError

if TYPE_CHECKING:
    from schemagate.database import Connection
    from schemagate.server import Server

MARKER = "schemagate_shadow_of"


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


def make(connection: Connection, name: str, here: Server) -> None:
    """Make the shadow of the schema behind the gate, empty, and work in it. Raises ShadowUnavailable."""
    try:
        drop(connection, name, here.database)
        charset = here.collation.split("_", 1)[0]
        connection.execute(f"CREATE DATABASE {quote(name)} CHARACTER SET {charset} COLLATE {here.collation}")
        # The first object says whose it is: what has objects and no marker is somebody's, and is never dropped.
        connection.execute(f"CREATE TABLE {quote(name)}.{MARKER} (of_schema VARCHAR(64) PRIMARY KEY) ENGINE=InnoDB")
        connection.execute(f"INSERT INTO {quote(name)}.{MARKER} VALUES (%s)", here.database)
        connection.execute(f"USE {quote(name)}")
    except ServerError as error:
        if error.errno in DENIED:
            raise not_granted(name, error) from error
        if error.errno in IN_THE_WAY:  # which says nothing of whether there may be one
            raise
        raise ShadowUnavailable(f"schema {name} cannot be made anew ({error.errno}: {error.text})") from error


def drop(connection: Connection, name: str, database: str) -> None:
    """Drop the shadow of this schema, if it is there. Raises ShadowUnavailable where the name is somebody else's."""
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
    _end_orphans(connection, name)
    connection.execute("SET SESSION foreign_key_checks = 0")
    connection.execute(f"DROP DATABASE {quote(name)}")
    connection.execute("SET SESSION foreign_key_checks = 1")


def _end_orphans(connection: Connection, name: str) -> None:
    """End what a start that died was rehearsing: it runs on in the server, holds locks on the shadow, and nothing that
    it does is of use to anybody. Sessions that are not to be seen, or may not be ended, are waited for.
    """
    rows = connection.execute(
        "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = %s AND USER = SUBSTRING_INDEX(USER(), '@', 1) "
        "AND ID <> CONNECTION_ID()",
        name,
    ).rows
    for (orphan,) in rows:
        with suppress(ServerError):  # it has just ended by itself
            connection.execute(f"KILL {orphan}")


def _objects(connection: Connection, name: str) -> int:
    return sum(
        int(connection.execute(f"SELECT COUNT(*) FROM information_schema.{table} WHERE {column} = %s", name).rows[0][0])
        for table, column in (("TABLES", "TABLE_SCHEMA"), ("ROUTINES", "ROUTINE_SCHEMA"), ("EVENTS", "EVENT_SCHEMA"))
    )
