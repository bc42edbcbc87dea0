"""The two sides of a comparison: what the words of a command line mean, and what each says by its text alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schemagate import schema, snapshot
from schemagate.current import meet
from schemagate.errors import MigrationInvalid, SettingsInvalid
from schemagate.files import SNAPSHOT
from schemagate.migrations import read_statements
from schemagate.options import SETTINGS
from schemagate.sources import read_url
from schemagate.verify import read, text_of

if TYPE_CHECKING:
    from schemagate.arguments import Arguments
    from schemagate.database import Connection
    from schemagate.log import Log
    from schemagate.migrations import Migrations
    from schemagate.schema import Schema
    from schemagate.server import Server
    from schemagate.settings import Settings
    from schemagate.snapshot import Header
    from schemagate.stop import Stop

DEFAULTS = ("live", "snapshot")


@dataclass(frozen=True, slots=True)
class Side:
    """One side: `kind` is "live", "snapshot", "migrations", "url" or "file"; `label` is what people read.

    `place` is how to reach the server of a URL, `path` the file.
    """

    kind: str
    label: str
    place: Settings | None = None
    path: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What a side says without the shadow.

    `schema` is None where only the shadow tells. `flavour` and `release` are of the server that wrote its text, ""
    where nobody knows; `own`: it is this very server, so that its texts are compared as they are.
    """

    schema: Schema | None
    flavour: str = ""
    release: str = ""
    own: bool = False
    header: Header | None = None
    edited: bool = False


def sides_of(arguments: Arguments, settings: Settings) -> tuple[Side, Side]:
    """What FROM and TO are. Raises SettingsInvalid, without repeating a word: it may hold a password."""
    typed = (*arguments.sides, "", "")[:2]
    urls = (settings.from_url, settings.to_url)
    sides: list[Side] = []
    for role, word, url, default in zip(("FROM", "TO"), typed, urls, DEFAULTS, strict=True):
        if url and word in ("", "url"):
            place = placed(settings, read_url(url.reveal()))
            sides.append(Side("url", f"{place.user}@{place.socket or place.host}:{place.port}/{place.database}", place))
        elif word in ("", "live", "snapshot", "migrations"):
            sides.append(Side(word or default, word or default))
        elif word.endswith(".sql") and "://" not in word:
            if not os.path.isfile(word):
                raise _wrong(f"{role} is a file that is not there")
            sides.append(Side("file", os.path.basename(word), path=word))
        else:
            raise _wrong(f"{role} is neither live, snapshot, migrations, a server's URL nor the path of a .sql file")
    return sides[0], sides[1]


def _wrong(problem: str) -> SettingsInvalid:
    return SettingsInvalid(f"{problem}; `schemagate diff --help` tells more.", problems=[problem])


def placed(settings: Settings, parts: Mapping[str, str]) -> Settings:
    """The settings with the server of a URL; how to encrypt stays as it was where the URL does not say."""
    values: dict[str, Any] = {"host": "localhost", "port": 3306, "socket": None, "create_database": False}
    by_name = {setting.name: setting for setting in SETTINGS}
    for name, text in parts.items():
        try:
            values[by_name[name].field] = by_name[name].type.parse(text)
        except ValueError as error:
            raise _wrong(f"{name} in the URL {error}") from None
    for field in ("user", "database", "password"):
        if field not in values:
            raise _wrong("the URL of a server names user, password and database: mysql://user:password@host/database")
    return settings._replace(**values)


def known(
    side: Side, migrations: Migrations | None, connection: Connection, here: Server, stop: Stop, log: Log
) -> Known:
    """What a side says by its text. Raises MigrationInvalid for a file that is no SQL, and what connecting raises."""
    if side.kind == "live":
        return Known(read(connection, here).schema, here.flavour, here.release, own=True)
    if side.kind == "url":
        assert side.place is not None  # noqa: S101 - `sides_of` makes none without
        other, greeting = meet(side.place, stop, log, to_write=False)
        with closing(other):
            there = greeting.server
            found = read(other, there).schema
            return Known(found, there.flavour, there.release, own=there.uuid == here.uuid)
    if side.kind == "migrations":
        return Known(None)
    path = side.path if side.kind == "file" else migrations.snapshot if migrations else None
    if path is None:
        raise MigrationInvalid(f"There is no {SNAPSHOT} beside the migrations; `schemagate snapshot` writes it.")
    charsets = schema.parse_charsets(connection.execute(schema.CHARSETS))
    name = side.label if side.kind == "file" else SNAPSHOT
    text = text_of(path, name)
    try:
        parsed = snapshot.parse(text, name, charsets)
    except MigrationInvalid:
        if side.kind == "snapshot":
            raise
        for statement in read_statements(path, lambda chunk: None):  # no snapshot, but SQL all the same
            del statement
        return Known(None)
    header = parsed.header
    if header is None:
        return Known(parsed.schema if side.kind == "snapshot" else None, header=None)
    return Known(parsed.schema, header.flavour, header.release, header=header, edited=not parsed.body_matches)
