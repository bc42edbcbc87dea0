"""What a new column will hold in the rows that are there, and what has no place in it, as SQL. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from schemagate.lexer import lexemes
from schemagate.widening import BLOBS, RANKS, STRINGS, TEXTS

if TYPE_CHECKING:
    from schemagate.widening import Column

NUMBERS = ("decimal", "float", "double")
BITS = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}
TIMES = {"date": "DATE", "time": "TIME", "datetime": "DATETIME", "timestamp": "DATETIME"}
# The types of which it is known here what has no place in them; and the functions that answer otherwise each time.
KNOWN = frozenset({*BITS, *NUMBERS, *TIMES, *STRINGS, "enum", "bit", "year", "json"})
VOLATILE = frozenset({"RAND", "UUID", "UUID_SHORT", "SYS_GUID", "RANDOM_BYTES", "NEXTVAL", "LASTVAL"})
# What may follow the value of DEFAULT in the clause of a column.
BEHIND_DEFAULT = frozenset(
    {"ON", "COMMENT", "NOT", "NULL", "CHECK", "INVISIBLE", "VISIBLE", "COLUMN_FORMAT", "STORAGE"}
)


def given(each: Column) -> str | None:
    """The value of a new column in the rows that are there, as SQL; None where it is not known."""
    found = [(kind, word, start) for kind, word, start in lexemes(each.rest) if kind not in ("space", "comment")]
    words = [word.upper() if kind == "word" else "" for kind, word, _ in found]
    if each.counts or "NEXTVAL" in words:  # which would go on by being asked for
        return None
    if "DEFAULT" not in words:
        if not each.never_null:
            return "NULL"
        return _nothing(each)
    at, depth = words.index("DEFAULT") + 1, 0
    for end in range(at, len(found)):
        depth += (found[end][1] == "(") - (found[end][1] == ")")
        if end > at and depth == 0 and words[end] in BEHIND_DEFAULT:
            return each.rest[found[at][2] : found[end][2]]
    return each.rest[found[at][2] :] if at < len(found) else None


def has_default(each: Column) -> bool:
    """Does its clause say what it holds where nothing is written to it?"""
    return any(kind == "word" and word.upper() == "DEFAULT" for kind, word, _ in lexemes(each.rest))


def of_the_row(each: Column) -> bool:
    """May it hold something else in each row, by what its default says?"""
    return has_default(each) and (names_columns(each) or is_volatile(each))


def is_volatile(each: Column) -> bool:
    """Is its default another one whenever it is asked for?"""
    words = {word.upper() for kind, word, _ in lexemes(each.rest) if kind == "word"}
    return has_default(each) and not VOLATILE.isdisjoint(words)


def names_columns(each: Column) -> bool:
    """Is its default worked out from other columns?"""
    text = given(each) if has_default(each) else None
    return any(kind == "quoted" for kind, _, _ in lexemes(text or ""))


def _nothing(each: Column) -> str | None:
    """What a column that takes no NULL and has no default is in the rows that are there."""
    if each.type == "binary":
        return f"X'{'00' * int((*each.given, '1')[0])}'"
    if each.type == "enum":
        value = each.given[0]
        return f"CONVERT({value} USING {each.charset}) COLLATE {each.collation}" if each.collation else value
    if each.type == "time":
        return "TIME'00:00:00'"
    if each.type in (*RANKS, *NUMBERS, "year", "bit"):
        return "CAST(0 AS UNSIGNED)" if each.unsigned else "0"
    return "''" if each.type in STRINGS or each.type == "set" else None


def computed(each: Column, *, raw: bool = False) -> str:
    """What a column is computed by, as SQL, in its own collation; in its own type, too, but where it is to be `raw`."""
    begin = next(start for kind, word, start in lexemes(each.rest) if (kind, word) == ("punctuation", "("))
    return typed(each, in_parentheses(each.rest[begin:]), raw=raw)


def typed(each: Column, text: str, *, raw: bool = False) -> str:
    """What SQL says, as the type of a column has it, where a query can say that."""
    if each.collation and not raw:
        return f"CONVERT({text} USING {each.charset}) COLLATE {each.collation}"
    size = f"({', '.join(each.given)})" if each.given else ""
    kind = (
        f"BINARY{size}" if each.type == "binary"
        else f"{TIMES[each.type]}{size}" if each.type in TIMES
        else f"DECIMAL{size}" if each.type == "decimal"
        else "" if each.type not in BITS
        else "UNSIGNED" if each.unsigned
        else "SIGNED"
    )  # fmt: skip
    return f"CAST({text} AS {kind})" if kind and not raw else text


def own_check(rest: str) -> str:
    """The condition that MariaDB has in the clause of a column; "" where there is none."""
    words = [(word.upper(), start) for kind, word, start in lexemes(rest) if kind == "word"]
    at = next((start for word, start in words if word == "CHECK"), None)
    return "" if at is None else in_parentheses(rest[rest.index("(", at) :])


def in_parentheses(text: str) -> str:
    """What it begins with, up to the parenthesis that closes it."""
    depth = 0
    for kind, word, start in lexemes(text):
        if kind == "punctuation" and word in "()":
            depth += 1 if word == "(" else -1
            if depth == 0:
                return text[: start + 1]
    return text


def beyond(each: Column, name: str) -> Iterator[str]:
    """The conditions under which a value has no place in a column."""
    if each.never_null:
        yield f"{name} IS NULL"
    if each.type in BITS:
        half = 2 ** (BITS[each.type] - 1)
        low, high = (0, 2 * half - 1) if each.unsigned else (-half, half - 1)
        yield f"ROUND({name}) NOT BETWEEN {low} AND {high}"
    if each.type == "decimal":
        digits, places = map(int, (*each.given, "0")[:2] if each.given else ("10", "0"))
        yield f"ABS(ROUND({name}, {places})) >= 1{'0' * (digits - places)}"
        if each.unsigned:
            yield f"ROUND({name}, {places}) < 0"
    if each.type in TIMES:
        yield f"{name} IS NOT NULL AND CAST({name} AS {TIMES[each.type]}) IS NULL"
    if each.type in ("char", "varchar") and each.given:
        yield f"CHAR_LENGTH(TRIM(TRAILING ' ' FROM {name})) > {each.given[0]}"
    if each.type in ("binary", "varbinary") and each.given:
        yield f"LENGTH({name}) > {each.given[0]}"
    if each.type == "json":
        yield f"{name} IS NOT NULL AND NOT JSON_VALID({name})"
    if each.type == "timestamp":
        yield f"{name} IS NOT NULL AND COALESCE(UNIX_TIMESTAMP({name}), 0) = 0"
    if each.type == "bit":
        yield f"{name} + 0 NOT BETWEEN 0 AND {2 ** int((*each.given, '1')[0]) - 1}"
    if each.type == "year":
        yield f"{name} NOT BETWEEN 1901 AND 2155 AND {name} NOT BETWEEN 0 AND 99"
    if each.type == "float":
        yield f"ABS({name}) > 3.402823466E38"
    if each.charset not in ("", "utf8mb4", "binary"):
        there, back = f"CONVERT({name} USING {each.charset})", f"CONVERT({name} USING utf8mb4)"
        yield f"HEX(CONVERT({there} USING utf8mb4)) <> HEX({back})"
    if each.type == "enum":
        yield f"{name} IS NOT NULL AND {typed(each, name)} NOT IN ({', '.join(each.given)})"
    if longest := {**TEXTS, **BLOBS}.get(each.type):
        yield f"LENGTH({name}) > {longest}"
