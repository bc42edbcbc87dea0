"""What of a migration may run in the shadow, and in which form: the shadow does not isolate by itself. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Set
from itertools import pairwise
from operator import attrgetter
from typing import TYPE_CHECKING

from schemagate.schema import Schema, SchemaObject, part_of
from schemagate.sql import NO_STRUCTURE, Statement, Token, has_body, qualifiers, quote, statements, tokens

if TYPE_CHECKING:
    from schemagate.plan import Todo

# Prepared there and thrown away: that finds the tables and columns that are not there, and changes no row.
PREPARED = frozenset({"insert", "replace", "update", "delete", "select"})
# No use to the rehearsal, and no harm to what comes after.
WITHOUT_STRUCTURE = frozenset(
    {
        "load data", "grant", "revoke", "create user", "alter user", "drop user", "rename user", "create role",
        "drop role", "analyze table", "optimize table", "check table", "checksum table", "repair table", "flush",
        "prepare", "deallocate", "start transaction", "commit", "savepoint", "release savepoint",
        "rollback to savepoint", "set global", "show", "explain", "do", "handler",
    }
)  # fmt: skip


# A file of a million INSERTs is not prepared a million times, nor one of a hundred megabytes.
MOST_DATA = 1000
LONGEST_DATA = 1 << 20
TRANSACTION = frozenset({"start transaction", "commit", "savepoint", "release savepoint", "rollback to savepoint"})
NOT_PREPARABLE = 1295
NOT_GRANTED = frozenset({1044, 1142, 1143, 1370})  # a right on a schema, table, column or routine


# Under these modes, and in texts of these character sets, a name may stand where the lexer sees a string.
OTHER_QUOTES = frozenset({"ANSI_QUOTES", "MSSQL", "ORACLE"})
OTHER_BYTES = frozenset({"big5", "cp932", "gb18030", "gbk", "sjis"})
# They wait, or hold a lock that the live session asks for afterwards.
WAITING = frozenset({"GET_LOCK", "RELEASE_LOCK", "SLEEP", "BENCHMARK", "MASTER_POS_WAIT", "SOURCE_POS_WAIT"})


def beyond(statement: Statement, kind: str) -> str | None:
    """Why this one reaches beyond any schema, or reads otherwise than it looks; None if it does not."""
    if kind == "create function" and words_of(statement)[-1:] == ["SONAME"]:
        return "a loadable function is the whole server's"
    if statement.text[:3].upper() == "SET" and kind != "set" and "SQL_MODE" in words_of(statement):
        return "SET STATEMENT gives it an sql_mode of its own"
    return None


def says_no_structure(statement: Statement) -> bool:
    """Does its file say that it changes no structure of the schema, and that nothing after it depends on what it does?

    Then a rehearsal goes on behind it without having tried it.
    """
    return any(each.word == NO_STRUCTURE for each in statement.directives)


def settable(statement: Statement) -> bool:
    """Does this SET depend on nothing but itself: no table, no stored function, nobody's lock?"""
    return not statement.names and not WAITING.intersection(words_of(statement))


def sets_the_session(statement: Statement) -> bool:
    """Is the session, user variables aside, another one after this SET? Rather yes than no."""
    found = [token.text for token in _significant(statement) if token.text != ":"]
    given = [before for before, sign in pairwise(found) if sign == "="]
    return not given or not all(name.startswith("@") and name[1:2] != "@" for name in given)


def fills_from_query(statement: Statement) -> bool:
    """Is it CREATE TABLE with a query, which is run? Rather one too many than one too few."""
    words = words_of(statement)
    rows = any(word == "VALUES" and after not in ("LESS", "IN") for word, after in pairwise([*words, ""]))
    return "SELECT" in words or rows or words.count("TABLE") > 1


def reaches_out(what: Schema, database: str) -> bool:
    """May a stored function in it, called while a table is made from a query, change what is not in this schema?"""
    bodies = [each for each in what.objects.values() if each.kind in ("function", "procedure", "trigger")]
    return any(each.kind == "function" for each in bodies) and any(_names_a_schema(each, database) for each in bodies)


def _names_a_schema(each: SchemaObject, database: str) -> bool:
    if '"' in each.create and "ANSI_QUOTES" in (each.attribute("sql_mode") or ""):
        return True
    return any(found.certain or found.schema.lower() == database.lower() for found in qualifiers(each.create))


def words_of(statement: Statement) -> list[str]:
    """Its words, in capitals."""
    return [token.text.upper() for token in _significant(statement) if token.kind == "word"]


def _significant(statement: Statement) -> list[Token]:
    return [token for token in tokens(statement.text) if token.kind not in ("space", "comment", "hint")]


def in_shadow(statement: Statement, name: str) -> str:
    """DROP FUNCTION with the shadow's name: else it would drop a loadable function, which is the whole server's."""
    start = _significant(statement)[-1].start
    return statement.text[:start] + quote(name) + "." + statement.text[start:]


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
    that, the triggers on it and their tables, and the views on it with all that these name.
    """
    # By way of `map`, which keeps no statement while the next one is read.
    all_names = (names for each in todo for names in map(attrgetter("names"), each.migration.statements()))
    return around(live, {name.name.lower() for names in all_names for name in names})


def around(live: Schema, named: Set[str]) -> Schema:
    """The same, for statements that name these, in small letters."""
    mentions = {key: _mentions(found) for key, found in live.objects.items()}
    chosen = {key for key in live.objects if key[1].lower() in named}
    neighbours = {
        key
        for key in live.objects
        if key not in chosen and (mentions[key] & named or any(key[1].lower() in mentions[other] for other in chosen))
    }
    chosen |= neighbours
    needs = {key: mentions[key] if key[0] == "view" else _table_of(found) for key, found in live.objects.items()}
    while more := {
        key for key in live.objects if key not in chosen and any(key[1].lower() in needs[other] for other in chosen)
    }:
        chosen |= more
    return part_of(live, chosen)


def _table_of(found: SchemaObject) -> set[str]:
    """What has to be there for a trigger to be made; what its body names does not."""
    return {(found.attribute("table") or "").lower()} if found.kind == "trigger" else set()


def _mentions(found: SchemaObject) -> set[str]:
    return {name.name.lower() for s in statements([found.create], found.name) for name in s.names}
