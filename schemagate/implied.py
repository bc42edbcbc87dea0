"""Indexes that a server made for a foreign key, and that it may take away again, in the shadow, too.

Such a one goes without a word when another index does for the key, or when the next key takes its place, also long
after its own key is gone; one that a statement names stays. No text of a server tells the two apart, but a table that
is made LIKE it has them as they are.
https://dev.mysql.com/doc/refman/9.7/en/create-table-foreign-keys.html#foreign-key-restrictions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from schemagate.automatic import is_automatic, to_add
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
class Index:
    """An index of whole columns, as it stands in the table's text; and the columns alone."""

    name: str
    item: str
    columns: str


def left_to_keys(
    part: Schema,
    connection: Connection,
    database: str,
    *,
    whole: bool,
    asked: Collection[str] = (),
    kept: list[tuple[SchemaObject, Index]] | None = None,
    plain: Collection[tuple[str, str]] = (),
) -> tuple[Schema, dict[tuple[str, str], str]]:
    """The same part of the live schema, but its tables are made so that the indexes which the server made there for
    keys are made by it again; and by the keys of tables what has to be run after such a one is made.

    `connection` is that of the shadow, which is empty. Where the part is the `whole`, tables without foreign keys are
    not asked about, for they may be thousands; but those that are `asked` for by name, in small letters.

    Where `kept` is given, the indexes that a key's own would look like are made by the server, too, though somebody
    asked for them; these are added to it. The tables that are `plain` are as they are.
    """
    objects, then = dict(part.objects), {}
    for key, each in part.objects.items():
        may_have = "FOREIGN KEY" in each.create or not whole or each.name.lower() in asked
        indexes = list(_indexes(each)) if each.kind == "table" and may_have and key not in plain else ()
        made = _made(each, indexes, connection, database) if indexes else ()
        if kept is not None and indexes:
            more = [index for index in _like_those_of_keys(each, indexes) if index not in made]
            kept += [(each, index) for index in more]
            made = [*made, *more]
        if made:
            create, dropped = _without(each, made)
            objects[key] = replace(each, create=create)
            if dropped:
                then[key] = f"ALTER TABLE {quote(each.name)} {', '.join(dropped)}"
    return (part if objects == part.objects else replace(part, objects=objects)), then


def _indexes(table: SchemaObject) -> Iterator[Index]:
    _, items, _ = in_items(table.create)
    for item in items:
        words = _words(item)
        if words[:1] == ["KEY"] and words[2:3] == ["("] and words.index(")") == len(words) - 1:
            yield Index(unquote(words[1]), item, "".join(words[3:-1]))


def _like_those_of_keys(table: SchemaObject, indexes: Collection[Index]) -> Iterator[Index]:
    """Those of the indexes that a server would make for a foreign key of the table, under their names."""
    keys = {(name, columns) for name, columns, _ in _keys(table)}
    keys |= {(unquote(columns.partition(",")[0]), columns) for _, columns in keys}
    yield from (each for each in indexes if (each.name, each.columns) in keys)


def _keys(table: SchemaObject) -> Iterator[tuple[str, str, str]]:
    """The foreign keys within this schema: name, columns, and the whole text."""
    _, items, _ = in_items(table.create)
    for item in items:
        if is_key(item) and not elsewhere(item):
            words = _words(item)
            yield unquote(words[1]), "".join(words[5 : words.index(")")]), item.strip()


def to_servers(table: SchemaObject, indexes: Collection[Index]) -> Iterator[str]:
    """The statements after which the server has made these indexes of the table for its foreign keys, and nobody else.

    A key that a server has named gets its number again where all of the table are made again, in their order.
    """
    columns = {index.columns for index in indexes}
    keys = [key for key in _keys(table) if key[1] in columns]
    if any(is_automatic("key", name, table.name) for name, _, _ in keys):
        keys += [key for key in _keys(table) if is_automatic("key", key[0], table.name) and key not in keys]
        keys.sort(key=lambda key: (is_automatic("key", key[0], table.name), len(key[0]), key[0]))
    drops = [f"DROP FOREIGN KEY {quote(name)}" for name, _, _ in keys]
    drops += [f"DROP KEY {quote(index.name)}" for index in indexes]
    adds = [f"ADD {to_add('key', name, clause, table.name)}" for name, _, clause in keys]
    for clauses in (drops, adds):
        yield f"ALTER TABLE {quote(table.name)} {', '.join(clauses)}"


def _made(table: SchemaObject, indexes: Collection[Index], connection: Connection, database: str) -> Collection[Index]:
    """Which of these the server made: they are gone where another index has their columns. None where it cannot be
    told, since somebody has locked the table, or it may not be read.
    """
    others = (f"ADD INDEX {quote(f'{COPY}_{at}')} ({each.columns})" for at, each in enumerate(indexes))
    try:
        connection.execute(f"CREATE TABLE {quote(COPY)} LIKE {quote(database)}.{quote(table.name)}")
        try:
            before = _names(connection)
            connection.execute(f"ALTER TABLE {quote(COPY)} {', '.join(others)}")
            gone = before - _names(connection)
        finally:
            connection.execute(f"DROP TABLE {quote(COPY)}")
    except ServerError:
        return ()
    return [each for each in indexes if each.name in gone]


def _names(connection: Connection) -> set[str]:
    _, items, _ = in_items(text(connection.execute(f"SHOW CREATE TABLE {quote(COPY)}").rows[0][1]))
    return {unquote(words[1]) for words in map(_words, items) if words[:1] == ["KEY"]}


def _without(table: SchemaObject, made: Collection[Index]) -> tuple[str, list[str]]:
    """The table's text with a foreign key in the place of each of these indexes, and how to drop these keys again.

    Of several keys that want the same index the last one names it; a key of the table that has its name does for it.
    """
    head, items, tail = in_items(table.create)
    keys = {(name, columns) for name, columns, _ in _keys(table)}
    gone = {each.item for each in made}
    lost = [each for each in made if (each.name, each.columns) not in keys]
    kept = [item.rstrip() for item in items if item not in gone]
    # The table that they refer to is none: nobody asks, where foreign keys are not checked.
    kept += [
        f"\n  CONSTRAINT {quote(each.name)} FOREIGN KEY ({each.columns}) REFERENCES {quote(COPY)} ({each.columns})"
        for each in lost
    ]
    return f"{head}{','.join(kept)}\n{tail}", [f"DROP FOREIGN KEY {quote(each.name)}" for each in lost]


def _words(item: str) -> list[str]:
    return [word for _, word, _ in significant(item)]
