"""Schemas as the product reads and loads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from schemagate import database as sessions
from schemagate import schema
from schemagate.listing import session_for_reading
from schemagate.loading import load_statements
from schemagate.schema import Difference, Schema
from schemagate.settings import load_settings
from tests.databases import Database


@contextmanager
def session(
    database: Database, name: str | None = None, account: tuple[str, str] | None = None
) -> Iterator[sessions.Connection]:
    """A session of the product in a schema, put as it is for reading."""
    settings = load_settings(database.environment(*account or ()), {})
    connection = sessions.connect(settings, name or database.name, several=True)
    try:
        connection.packet(["SET NAMES utf8mb4", *session_for_reading(database.server.flavour)])
        yield connection
    finally:
        connection.close()


def read(database: Database, name: str | None = None, account: tuple[str, str] | None = None) -> Schema:
    """The schema as it is now."""
    with session(database, name, account) as connection:
        return schema.read(connection, database.server.flavour)


def load(database: Database, name: str, what: Schema, *, shadow: bool) -> None:
    """Make every object of `what` in another schema."""
    with session(database, name) as connection:
        for text in load_statements(what, shadow=shadow):
            connection.run(text)


def told(differences: Iterable[Difference]) -> str:
    """Differences for the message of a failed test."""
    return "\n".join(
        f"{d.kind} {d.name}, {d.part}:\n  expected {d.expected}\n  found    {d.found}" for d in differences
    )
