"""Indexes that a server made for a foreign key, and that are left to it in the shadow, too.

Such a one goes without a word when another index does for the key, or when the next key takes its place; one that a
statement names stays. No text of a server tells the two apart, but a table that is made LIKE it has them as they are.
https://dev.mysql.com/doc/refman/9.7/en/create-table-foreign-keys.html#foreign-key-restrictions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from schemagate.automatic import is_automatic
from schemagate.lexer import quote, significant, unquote
from schemagate.listing import text
from schemagate.loading import elsewhere, in_items, is_key
from schemagate.refusals import ServerError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from schemagate.database import Connection
    from schemagate.schema import Schema, SchemaObject

COPY = "schemagate_copy"


@dataclass(frozen=True, slots=True)
class Implied:
    """An index that has the columns of a foreign key, and the name that a server would give it: the two as they stand
    in the table's text, and the key's without a name that a server gave.
    """

    index: str
    key: str
    unnamed: str
    columns: str


def left_to_keys(part: Schema, connection: Connection, database: str) -> Schema:
    """The same part of the live schema; but its tables are made so that the indexes which the server made there for
    keys are left to it again. `connection` is that of the shadow, which is empty.
    """
    objects = dict(part.objects)
    for key, each in part.objects.items():
        implied = dict(_implied(each)) if each.kind == "table" and "FOREIGN KEY" in each.create else {}
        if implied and (made := _made(each, implied, connection, database)):
            objects[key] = replace(each, create=_without(each, [implied[name] for name in made]))
    return part if objects == part.objects else replace(part, objects=objects)


def _implied(table: SchemaObject) -> Iterator[tuple[str, Implied]]:
    _, items, _ = in_items(table.create)
    words = [[word for _, word, _ in significant(item)] for item in items]
    indexes = {
        unquote(each[1]): (item, each[3:-1])
        for item, each in zip(items, words, strict=True)
        if each[:1] == ["KEY"] and each[-1] == ")"
    }
    for item, each in zip(items, words, strict=True):
        if not is_key(item) or elsewhere(item):
            continue
        columns = each[5 : each.index(")")]
        automatic = is_automatic("key", unquote(each[1]), table.name)
        name = unquote(columns[0] if automatic else each[1])
        index, of = indexes.get(name, ("", []))
        if of == columns:
            unnamed = item.replace(f"CONSTRAINT {each[1]} ", "", 1) if automatic else item
            yield name, Implied(index, item, unnamed, "".join(columns))


def _made(table: SchemaObject, implied: dict[str, Implied], connection: Connection, database: str) -> Collection[str]:
    """Which of these the server made: they are gone where another index does for the key. None where it cannot be told,
    since somebody has locked the table, or it may not be read.
    """
    others = (f"ADD INDEX {quote(f'{COPY}_{at}')} ({each.columns})" for at, each in enumerate(implied.values()))
    try:
        connection.execute(f"CREATE TABLE {quote(COPY)} LIKE {quote(database)}.{quote(table.name)}")
        try:
            connection.execute(f"ALTER TABLE {quote(COPY)} {', '.join(others)}")
            _, items, _ = in_items(text(connection.execute(f"SHOW CREATE TABLE {quote(COPY)}").rows[0][1]))
        finally:
            connection.execute(f"DROP TABLE {quote(COPY)}")
    except ServerError:
        return ()
    words = ([word for _, word, _ in significant(item)] for item in items)
    return implied.keys() - {unquote(each[1]) for each in words if each[:1] == ["KEY"]}


def _without(table: SchemaObject, made: Collection[Implied]) -> str:
    head, items, tail = in_items(table.create)
    indexes, keys = {each.index for each in made}, {each.key: each.unnamed for each in made}
    kept = [keys.get(item, item) for item in items if item not in indexes]
    return f"{head}{','.join(kept).rstrip()}\n{tail}"
