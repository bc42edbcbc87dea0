"""A schema with all its rows, as a value that can be compared: read without any help of the product."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tests.databases import quoted

if TYPE_CHECKING:
    from tests.reach import Connection

Picture = Mapping[str, str]

MANY = 1000  # rows; of more than these only a sum is kept


def take(connection: Connection, schema: str) -> Picture:
    """Every object and its rows, but for what is schemagate's own. The schema's name in texts becomes {}."""
    facts: dict[str, str] = {}
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW FULL TABLES FROM {quoted(schema)}")
        for name, kind in cursor.fetchall():
            if not name.startswith("schemagate_"):
                facts[f"{kind.lower()} {name}"] = _text(cursor, schema, name)
                if kind == "BASE TABLE":
                    facts[f"rows of {name}"] = _rows(cursor, schema, name)
        cursor.execute(f"SHOW TRIGGERS FROM {quoted(schema)}")
        for name, event, table, statement, timing, _created, mode, *_ in cursor.fetchall():
            facts[f"trigger {name}"] = str((event, table, statement, timing, mode))
        cursor.execute(
            "SELECT routine_name, routine_type, dtd_identifier, routine_definition, is_deterministic, sql_mode"
            " FROM information_schema.routines WHERE routine_schema = %s",
            (schema,),
        )
        for name, kind, *rest in cursor.fetchall():
            facts[f"{kind.lower()} {name}"] = str(rest)
        cursor.execute(
            "SELECT event_name, event_definition, interval_value, interval_field, status, event_comment"
            " FROM information_schema.events WHERE event_schema = %s",
            (schema,),
        )
        for name, *rest in cursor.fetchall():
            facts[f"event {name}"] = str(rest)
    return {key: value.replace(quoted(schema), "{}") for key, value in facts.items()}


def differences(expected: Picture, found: Picture) -> list[str]:
    """One sentence for each fact that is not as expected."""
    said = []
    for key in sorted({*expected, *found}):
        one, other = expected.get(key, "nothing"), found.get(key, "nothing")
        if one != other:
            said.append(f"{key}: expected {one:.200}, found {other:.200}")
    return said


def _text(cursor: Any, schema: str, name: str) -> str:
    cursor.execute(f"SHOW CREATE TABLE {quoted(schema)}.{quoted(name)}")
    text = str(cursor.fetchone()[1])
    return re.sub(r" DEFINER=`[^`]*`@`[^`]*`| AUTO_INCREMENT=\d+(?=[^\n]*\Z)", "", text)


def _rows(cursor: Any, schema: str, name: str) -> str:
    path = f"{quoted(schema)}.{quoted(name)}"
    cursor.execute(f"SELECT * FROM {path} LIMIT {MANY + 1}")
    rows = cursor.fetchall()
    if len(rows) <= MANY:
        return str(sorted(rows, key=str))
    columns = ", ".join(quoted(column[0]) for column in cursor.description)
    cursor.execute(f"SELECT COUNT(*), SUM(CRC32(CONCAT_WS('|', {columns}))) FROM {path}")
    return str(cursor.fetchone())
