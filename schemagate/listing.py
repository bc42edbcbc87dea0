"""What is there, and is it as it was? All of reading a schema that a start with nothing to do needs, in two packets."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

from schemagate.grants import unseen_kinds
from schemagate.lexer import quote
from schemagate.server import ALL_ROWS, OURS
from schemagate.values import Value

TYPE_CHECKING = False  # as in values.py
if TYPE_CHECKING:
    from typing import Protocol

    from schemagate.database import Result

    class Session(Protocol):
        """What reading needs of a connection."""

        def packet(self, texts: Sequence[str], /) -> Sequence[Result | Exception]:
            """Run statements; one that is refused has its error, with its `errno`, in the place of its result."""
            ...


KINDS = ("sequence", "table", "function", "view", "trigger", "procedure", "event")
# What an account without the right to look gets: 1305 is "does not exist" for a routine that may not be seen.
NOT_ALLOWED = frozenset({1044, 1142, 1143, 1227, 1305, 1370})
# Dropped between the two packets.
GONE = frozenset({1146, 1360, 1539, 4091})

ROUTINES = (
    "SELECT ROUTINE_SCHEMA, ROUTINE_TYPE, ROUTINE_NAME FROM information_schema.ROUTINES "
    "WHERE ROUTINE_SCHEMA = DATABASE()"
)
# One that runs once, AT a time, is not part of a schema: it drops itself.
EVENTS = (
    "SELECT EVENT_SCHEMA, EVENT_NAME, STATUS LIKE '%SIDE_DISABLED' AND ORIGINATOR <> @@server_id "
    "FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE() AND EVENT_TYPE = 'RECURRING'"
)
TRIGGER_COLUMNS = (
    "Trigger", "Timing", "Event", "Table", "Statement", "sql_mode", "character_set_client", "collation_connection",
    "Database Collation",
)  # fmt: skip
# In SHOW CREATE TRIGGER comes last when it was made; the same one may be made again.
TRIGGER_MADE = 6


class Listed(Value):
    """The names of a schema's objects, sorted; the triggers in the order in which they act, with all but their text."""

    database: str
    collation: str
    tables: tuple[str, ...]
    views: tuple[str, ...]
    sequences: tuple[str, ...]
    routines: tuple[tuple[str, str], ...]  # kind and name
    events: tuple[tuple[str, bool], ...]  # name; is it the copy of one on another server?
    triggers: tuple[tuple[str, ...], ...]  # the values of TRIGGER_COLUMNS
    unseen: frozenset[str]  # kinds of which some may be hidden from this account


def session_for_reading(flavour: str) -> tuple[str, ...]:
    """The statements that put a session into the state in which the server's texts can be compared. No right is needed.

    Whoever runs SQL of others in this session afterwards sets its own sql_mode again.
    """
    variables = (
        "sql_mode = '', time_zone = @@global.time_zone, sql_quote_show_create = 1, sql_big_selects = 1, "
        f"sql_select_limit = {ALL_ROWS}"
    )
    if flavour == "mysql":
        variables += (
            ", show_create_table_verbosity = 0"
            " /*!80018 , show_create_table_skip_secondary_engine = 0 */"
            " /*!80030 , show_gipk_in_create_table_and_information_schema = 1 */"
        )
    return (f"SET SESSION {variables}",)


def listing() -> tuple[str, ...]:
    """The first packet: what is in the default schema. All of it may be asked by any account."""
    return (
        "SELECT DATABASE(), @@collation_database, @@lower_case_table_names",
        "SHOW FULL TABLES",
        ROUTINES,
        EVENTS,
        "SHOW TRIGGERS",
        "SHOW GRANTS",
    )


def parse_listing(results: Sequence[Result]) -> Listed:
    """The answers to `listing`. What is named schemagate_… is ours, and is left out."""
    where, tables, routines, events, triggers, grants = results
    database, collation = text(where.rows[0][0]), text(where.rows[0][1])
    by_type: dict[str, list[str]] = {"VIEW": [], "SEQUENCE": [], "BASE TABLE": []}
    for name, kind in tables.rows:
        by_type.setdefault(text(kind), []).append(text(name))
    base = by_type["BASE TABLE"] + by_type.get("SYSTEM VERSIONED", [])
    exact = int(where.rows[0][2]) == 0
    # MariaDB compares names of schemas without regard to case here, though `App` and `app` are two.
    here = [tuple(map(text, row[1:])) for row in routines.rows if not exact or text(row[0]) == database]
    unseen = set(unseen_kinds((text(row[0]) for row in grants.rows), database))
    unseen |= {kind.lower() for kind, _ in here if kind not in ("PROCEDURE", "FUNCTION")}  # packages of MariaDB
    return Listed(
        database,
        collation,
        _others(base),
        _others(by_type["VIEW"]),
        _others(by_type["SEQUENCE"]),
        tuple(sorted((kind.lower(), name) for kind, name in here if kind in ("PROCEDURE", "FUNCTION"))),
        tuple(sorted((text(row[1]), bool(row[2])) for row in events.rows if not exact or text(row[0]) == database)),
        acting(triggers),
        frozenset(unseen),
    )


def nothing(database: str) -> Listed:
    """Of a schema in which nobody has looked."""
    return Listed(database, "", (), (), (), (), (), (), frozenset())


def acting(triggers: Result) -> tuple[tuple[str, ...], ...]:
    """The answer to SHOW TRIGGERS: the values of TRIGGER_COLUMNS of each, in the order in which they act."""
    place = {name.lower(): at for at, name in enumerate(triggers.columns)}
    rows = (tuple(text(row[place[name.lower()]]) for name in TRIGGER_COLUMNS) for row in triggers.rows)
    return tuple(row for row in rows if not row[0].startswith(OURS))


# MySQL keeps a literal in an expression in the character set of a column, and would write `?` for what is beyond ASCII.
SESSION = "session"
AS_IT_IS = "SET SESSION character_set_results = NULL"
AS_UTF8 = "SET SESSION character_set_results = utf8mb4"


def named(listed: Listed) -> Iterator[tuple[str, str]]:
    """Kind and name of each object whose text is asked for, in the order of `creates`; SESSION is what sets that."""
    if listed.tables:
        yield SESSION, AS_IT_IS
        yield from (("table", name) for name in listed.tables)
        yield SESSION, AS_UTF8
    yield from (("view", name) for name in listed.views)
    yield from (("sequence", name) for name in listed.sequences)
    yield from listed.routines
    yield from (("event", name) for name, _ in listed.events)
    yield from (("trigger", trigger[0]) for trigger in listed.triggers)


def creates(listed: Listed) -> tuple[str, ...]:
    """The second packet: the text of each object."""
    asked = named(listed)
    return tuple(name if kind == SESSION else f"SHOW CREATE {kind.upper()} {quote(name)}" for kind, name in asked)


def shown(session: Session, flavour: str, listed: Listed) -> Sequence[Result | Exception]:
    """The answers to `creates`, each with all that the object is: a clause that the server leaves out is put back. An
    answer that is an error is in its place.
    """
    texts = creates(listed)
    if not texts:
        return ()
    results = session.packet(texts)
    if flavour != "mariadb" or not listed.tables:
        return results
    from schemagate.shapes import completed

    places = {name: place for place, (kind, name) in enumerate(named(listed)) if kind == "table"}
    answers = ((name, results[place]) for name, place in places.items())
    tables = {name: answer for name, answer in answers if not isinstance(answer, Exception)}
    known = {name: text(answer.rows[0][1]) for name, answer in tables.items()}
    found = [*results]
    for name, create in completed(session, listed.database, known).items():
        found[places[name]] = with_text(tables[name], create)
    return found


def with_text(answer: Result, create: str) -> Result:
    """The answer to SHOW CREATE TABLE, with this text."""
    (row,) = answer.rows
    return answer._replace(rows=((row[0], create, *row[2:]),))


def fingerprint(listed: Listed, results: Sequence[Result | Exception]) -> dict[str, bytes]:
    """Kind -> SHA-256 over the server's texts as they are, without AUTO_INCREMENT=n; "schema" is the default collation.

    Equal fingerprints of two moments: nothing was changed. A kind that this account cannot see in full has none.
    """
    digests = {kind: hashlib.sha256() for kind in ("schema", *KINDS)}
    digests["schema"].update(listed.collation.encode())
    for trigger in listed.triggers:
        digests["trigger"].update(_packed(trigger))
    for (kind, _), result in zip(named(listed), results, strict=True):
        row: tuple[Any, ...] = () if isinstance(result, Exception) or not result.rows else result.rows[0]
        if kind == "trigger":
            row = row[:TRIGGER_MADE]
        if not row or None in row:
            digests.pop(kind, None)
        elif kind in digests:
            values = [*map(text, row)]
            if kind == "table":
                values[1] = without_counter(values[1])
            digests[kind].update(_packed(values))
    return {kind: digest.digest() for kind, digest in digests.items() if kind not in listed.unseen}


def without_counter(create: str) -> str:
    """A table's text without AUTO_INCREMENT=n in its tail; quickly, since 2,000 tables are read at every start."""
    if " AUTO_INCREMENT=" not in create:
        return create
    # A raw line end may be in a name or a string as well: then the lexer finds the tail.
    if create.count("\n) ") == 1:
        return _counter().sub(r"\1", create, count=1)
    from schemagate.loadable import loadable_table

    return loadable_table(create, "")


def text(value: Any) -> str:
    """A value as text; bytes that are no UTF-8 are kept, as Python keeps those of file names."""
    return value.decode(errors="surrogateescape") if isinstance(value, bytes | bytearray) else str(value)


def _others(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(name for name in names if not name.startswith(OURS)))


def _packed(values: Iterable[str]) -> bytes:
    encoded = [value.encode(errors="surrogateescape") for value in values]
    return b"".join(b"%d:%b" % (len(value), value) for value in encoded)


@cache
def _counter() -> re.Pattern[str]:
    return re.compile(r"(\n\) (?:/\*.*?\*/ )?ENGINE=\w+) AUTO_INCREMENT=\d+")


__all__ = [
    "GONE", "KINDS", "NOT_ALLOWED", "OURS", "TRIGGER_COLUMNS", "Listed", "acting", "creates", "fingerprint", "listing",
    "named", "nothing", "parse_listing", "session_for_reading", "shown", "text", "with_text", "without_counter",
]  # fmt: skip
