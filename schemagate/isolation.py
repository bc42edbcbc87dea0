"""What of a migration may run in the shadow, and in which form: the shadow does not isolate by itself. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from schemagate.schema import Schema, SchemaObject, part_of
from schemagate.sql import Statement, has_body, qualifiers, quote, statements

if TYPE_CHECKING:
    from schemagate.plan import Todo

# Run in the shadow as they are: they change the structure of what they name, or the session, and nothing else.
STRUCTURE = frozenset(
    f"{verb} {noun}"
    for verb in ("create", "alter", "drop", "rename", "truncate")
    for noun in ("table", "view", "index", "trigger", "procedure", "function", "event", "sequence", "temporary table")
)
# Prepared there and thrown away: that finds the tables and columns that are not there, and changes no row.
PREPARED = frozenset({"insert", "replace", "update", "delete", "select"})
# No use to the rehearsal, and no harm to what comes after.
WITHOUT_STRUCTURE = frozenset(
    {
        "load data", "grant", "revoke", "create user", "alter user", "drop user", "analyze table", "optimize table",
        "check table", "repair table", "flush", "start transaction", "commit", "savepoint", "release savepoint",
        "rollback to savepoint", "set global", "show", "explain", "do", "handler",
    }
)  # fmt: skip


# A file of a million INSERTs is not prepared a million times, nor one of a hundred megabytes.
MOST_DATA = 1000
LONGEST_DATA = 4 << 20
TRANSACTION = frozenset({"start transaction", "commit", "savepoint", "release savepoint", "rollback to savepoint"})
NOT_PREPARABLE = 1295
NOT_GRANTED = frozenset({1044, 1142, 1143, 1370})  # a right on a schema, table, column or routine


def inside(statement: Statement, database: str, name: str) -> tuple[str, str | None]:
    """The statement's text with `<database>.` turned into `<name>.`; or why it may not be run in the shadow.

    The shadow does not isolate by itself: `CREATE TABLE live.x` run there makes a table in live. A body is text
    that runs later, and a qualified name in it would be one in live for good.
    """
    text, pieces, end = statement.text, [], 0
    body = has_body(statement.kind)
    for found in qualifiers(text):
        if found.schema.lower() != database.lower():
            if found.certain:
                return text, f"it names another schema, {found.schema}"
            continue
        if not found.certain or body:
            return text, f"it names {database} in a place where that may also be an alias or part of a body"
        pieces += [text[end : found.start], quote(name) + "."]
        end = found.end
    return "".join([*pieces, text[end:]]), None


def needed(live: Schema, todo: Iterable[Todo]) -> Schema:
    """The part of a schema that a rehearsal needs: what the pending statements name, the foreign-key neighbours of
    that, the triggers on it, and the views on it with all that these name.
    """
    named = {name.name.lower() for each in todo for s in each.migration.statements() for name in s.names}
    mentions = {key: _mentions(found) for key, found in live.objects.items()}
    chosen = {key for key in live.objects if key[1].lower() in named}
    neighbours = {
        key
        for key in live.objects
        if key not in chosen and (mentions[key] & named or any(key[1].lower() in mentions[other] for other in chosen))
    }
    chosen |= neighbours
    while more := {
        key
        for key in live.objects
        if key not in chosen and any(other[0] == "view" and key[1].lower() in mentions[other] for other in chosen)
    }:
        chosen |= more
    return part_of(live, chosen)


def _mentions(found: SchemaObject) -> set[str]:
    return {name.name.lower() for s in statements([found.create], found.name) for name in s.names}
