"""What a server gave or shows on its own, and nobody asked for: it depends on what was there before, and says nothing.

Names of foreign keys and checks, an index that was made for a key, the collation that a session has by itself, a view's
column numbers while it is broken; and what dumps leave out.

MySQL counts on (`orders_ibfk_2`, `orders_chk_1`), and so does MariaDB (`orders_ibfk_2`, `CONSTRAINT_1`): one that is
dropped and made again may have another number.
https://dev.mysql.com/doc/refman/9.7/en/create-table-foreign-keys.html and
https://mariadb.com/docs/server/reference/sql-statements/data-definition/constraint.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from schemagate.clauses import Part, columns_of
from schemagate.flat import flat, without_space
from schemagate.lexer import quote, unquote
from schemagate.literals import Lexeme
from schemagate.shapes import CLAUSE, without_number

if TYPE_CHECKING:
    from schemagate.schema import Schema, SchemaObject

# What sessions have with utf8mb4 where nobody names a collation: on MariaDB up to 11.4, on MySQL, on MariaDB.
# https://dev.mysql.com/doc/refman/9.7/en/charset-unicode-sets.html,
# https://mariadb.com/docs/server/reference/data-types/string-data-types/character-sets/supported-character-sets-and-collations
DEFAULTS_OF_UTF8MB4 = frozenset({"utf8mb4_general_ci", "utf8mb4_0900_ai_ci", "utf8mb4_uca1400_ai_ci"})
_ANY = ("_ibfk_", "_chk_", "CONSTRAINT_")


def nameless(each: SchemaObject) -> SchemaObject:
    """A table whose foreign keys and checks have the names that people gave them, and no others."""
    if not _may_have(each):
        return each
    parts = (
        Part(part.kind, "", _without_name(part)) if _is_automatic(part, each.name) else part for part in each.parts
    )
    return replace(each, parts=tuple(parts))


def as_expected(found: Schema, wanted: Schema) -> Schema:
    """What was found, with the automatic names that the same clauses have in what is wanted; without indexes that only
    a dump has kept, with the reference systems that it has lost, with the collation that a session has by itself on
    another release, and with what a server cannot show of a view that is broken.
    """
    objects = dict(found.objects)
    for key, each in found.objects.items():
        model = wanted.objects.get(key)
        if model is None or model.parts == each.parts:
            continue
        parts = tuple(each.parts)
        if each.kind not in ("table", "sequence"):
            parts = tuple(_in_a_session(part, model) for part in parts)
        if each.kind == "view" and "''" in each.create:
            parts = tuple(_whole(part, model) for part in parts)
        if _may_have(each) and _may_have(model):
            parts = tuple(_renamed(each, model))
        if each.kind == "table" and "FOREIGN KEY" in each.create:
            parts = tuple(_needed(parts, model))
        if each.kind == "table" and CLAUSE in model.create:
            parts = tuple(_referred(part, model) for part in parts)
        objects[key] = replace(each, parts=parts)
    return replace(found, objects=objects)


def _in_a_session(part: Part, model: SchemaObject) -> Part:
    """The collation of the session that a view or a program was made in, which a release has by itself or another."""
    like = next((each for each in model.parts if (each.kind, each.name) == (part.kind, part.name)), part)
    by_itself = part.name == "collation_connection" and {part.text, like.text} <= DEFAULTS_OF_UTF8MB4
    return like if by_itself else part


def _referred(part: Part, model: SchemaObject) -> Part:
    """A column. MariaDB's dumps say nothing of its REF_SYSTEM_ID, nor does the server make anything of it."""
    likes = (each for each in model.parts if (each.kind, each.name) == (part.kind, part.name) == ("column", part.name))
    return next((like for like in likes if CLAUSE in like.text and without_number(like.text) == part.text), part)


def _needed(parts: Sequence[Part], model: SchemaObject) -> Iterator[Part]:
    """The clauses without an index that a server made for a foreign key and does not need: another one has its columns.
    Then it takes it away; but not where a dump has made one of it that was asked for.
    """
    given = {(_index_of(part, model.name), tuple(columns_of(part.text))) for part in parts if part.kind == "key"}
    others = {part.name: columns_of(part.text) for part in model.parts if part.kind == "index"}
    for part in parts:
        if part.kind == "index" and part.name not in others and part.text.startswith("KEY ") and part.text[-1] == ")":
            columns = columns_of(part.text)
            names = part.name, re.sub(r"_\d+$", "", part.name)
            made = any((name, tuple(columns)) in given for name in names)
            if made and any(other[: len(columns)] == columns for other in others.values()):
                continue
        yield part


def _index_of(key: Part, table: str) -> str:
    """What a server calls the index that it makes for a foreign key: by its name, or by its first column where it has
    none of its own.
    """
    return unquote(columns_of(key.text)[0]) if _is_automatic(key, table) else key.name


def _whole(part: Part, model: SchemaObject) -> Part:
    """A clause of a view. Where something is missing under it, MariaDB shows the number of a column that it sorts or
    groups by as an empty string.
    """
    like = next((each for each in model.parts if (each.kind, each.name) == (part.kind, part.name)), part)
    if like.text == part.text or "''" not in part.text:
        return part
    here, there = without_space(flat(part.text)), without_space(flat(like.text))
    same = len(here) == len(there) and all(
        one == other or (one[1] == "''" and other[0] == "number" and _is_ordered_by(here[:at]))
        for at, (one, other) in enumerate(zip(here, there, strict=True))
    )
    return like if same else part


def _is_ordered_by(before: Sequence[Lexeme]) -> bool:
    """Is what comes behind these tokens one of a list, of columns and numbers alone, behind ORDER BY or GROUP BY?"""
    for kind, word in reversed(before):
        if kind == "word" and word.lower() == "by":
            return True
        if not (kind in ("quoted", "number") or word in (",", ".", "''") or word.lower() in ("asc", "desc")):
            break
    return False


def to_add(kind: str, name: str, text: str, table: str) -> str:
    """A clause as it is to be added to a table: without a name that a server gave, which may be another's by now.

    Nor would it be the same with it: a foreign key takes an index away that a server made for an earlier one, and makes
    one that has the key's name.
    """
    part = Part(kind, name, text)
    return _without_name(part) if _is_automatic(part, table) else text


def _renamed(each: SchemaObject, model: SchemaObject) -> Iterator[Part]:
    """Its clauses; each constraint with an automatic name gets that of one in the model which says the same."""
    free = [part for part in model.parts if _is_automatic(part, model.name)]
    for part in each.parts:
        like = next((other for other in free if _alike(part, other)), None) if _is_automatic(part, each.name) else None
        if like is not None:
            free.remove(like)
        yield like or part


def _alike(part: Part, other: Part) -> bool:
    return part.kind == other.kind and _without_name(part) == _without_name(other)


def _may_have(each: SchemaObject) -> bool:
    return each.kind == "table" and any(word in each.create for word in _ANY)


def is_automatic(kind: str, name: str, table: str) -> bool:
    """May a server have given this name to a key or check of the table?"""
    pattern = {"key": rf"{re.escape(table)}_ibfk_\d+", "check": rf"{re.escape(table)}_chk_\d+|CONSTRAINT_\d+"}
    return kind in pattern and re.fullmatch(pattern[kind], name, re.IGNORECASE) is not None


def _is_automatic(part: Part, table: str) -> bool:
    return is_automatic(part.kind, part.name, table)


def _without_name(part: Part) -> str:
    """The text behind CONSTRAINT and the name."""
    return part.text[len(f"CONSTRAINT {quote(part.name)} ") :]
