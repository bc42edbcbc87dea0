"""REF_SYSTEM_ID of MariaDB: the one clause of a column that SHOW CREATE TABLE leaves out. It is put back into the text.

https://mariadb.com/docs/server/reference/sql-statements/geometry-constructors/geometry/geometry-types (REF_SYSTEM_ID),
https://mariadb.com/docs/server/reference/system-tables/information-schema/information-schema-tables/information-schema-geometry_columns-table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from schemagate.lexer import lexemes, unquote

if TYPE_CHECKING:
    from schemagate.listing import Session

CLAUSE = "REF_SYSTEM_ID"
# As MariaDB writes them, behind the name of a column; also in a comment now and then, and then one question too many.
_SHAPE = re.compile("` (?:geometry|(?:multi)?(?:point|linestring|polygon)|geometrycollection)\\b")


def completed(session: Session, database: str, tables: Mapping[str, str]) -> dict[str, str]:
    """Those of these tables of the default schema, by name, whose text lacks a REF_SYSTEM_ID; with it.

    One packet more, where there are shapes; their tables alone are opened for it, which takes no right but that to read
    their structure.
    """
    shapes = [name for name, create in tables.items() if _SHAPE.search(create)]
    found = {}
    for name, answer in zip(shapes, session.packet([*map(_question, shapes)]) if shapes else (), strict=True):
        if isinstance(answer, Exception):
            raise answer
        numbers = {row[2]: int(row[3]) for row in answer.rows if row[:2] == (database, name)}
        if numbers:
            found[name] = with_numbers(tables[name], numbers)
    return found


def with_numbers(create: str, numbers: Mapping[str, int]) -> str:
    """A table's text with `REF_SYSTEM_ID=n` behind the type of these columns."""
    out: list[str] = []
    depth, column, before = 0, "", ""
    for kind, lexeme, _ in lexemes(create):
        out.append(lexeme)
        if kind in ("space", "comment"):
            continue
        if kind == "word" and column in numbers:
            out.append(f" {CLAUSE}={numbers[column]}")
        column = unquote(lexeme) if kind == "quoted" and depth == 1 and before in ("(", ",") else ""
        depth += (lexeme == "(") - (lexeme == ")") if kind == "punctuation" else 0
        before = lexeme
    return "".join(out)


def without_number(column: str) -> str:
    """A column's normal form without that clause."""
    words = [*lexemes(column)]
    at = next((at for at, (kind, word, _) in enumerate(words) if (kind, word) == ("word", CLAUSE)), None)
    return column if at is None else "".join(word for _, word, _ in (*words[: at - 1], *words[at + 3 :]))


def _question(table: str) -> str:
    # These are the columns by which the server finds one table; by G_TABLE_NAME it opens those of all schemas.
    return (
        "SELECT F_TABLE_SCHEMA, F_TABLE_NAME, G_GEOMETRY_COLUMN, SRID FROM information_schema.GEOMETRY_COLUMNS "
        f"WHERE F_TABLE_SCHEMA = DATABASE() AND F_TABLE_NAME = _utf8mb4 X'{table.encode().hex()}' AND SRID <> 0"
    )
