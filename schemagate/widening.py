"""What a change of a column can lose, as far as its two texts tell; where they do not, it is said to lose. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from schemagate.clauses import INTEGERS, TYPE_WORDS, never_null
from schemagate.flat import closing, divide, flat, joined, next_word, take, without_space
from schemagate.lexer import unquote, words
from schemagate.literals import Lexeme

RANKS = {name: rank for rank, name in enumerate(("tinyint", "smallint", "mediumint", "int", "bigint"))}
DIGITS = {"tinyint": 3, "smallint": 5, "mediumint": 8, "int": 10, "bigint": 20}
TEXTS = {"tinytext": 255, "text": 65_535, "mediumtext": 2**24 - 1, "longtext": 2**32 - 1}
BLOBS = {"tinyblob": 255, "blob": 65_535, "mediumblob": 2**24 - 1, "longblob": 2**32 - 1}
CHARACTERS = frozenset({"char", "varchar", "enum", "set", *TEXTS})
WIDEST = 4  # bytes of a character
# Every character of the first is one of the second, in no more bytes.
WITHIN = frozenset(
    {("ascii", other) for other in ("latin1", "utf8mb3", "utf8mb4", "latin2", "cp1250", "cp1251", "koi8r")}
    | {("utf8mb3", "utf8mb4")}
)
SHAPES = words(
    "geometry point linestring polygon multipoint multilinestring multipolygon geometrycollection geomcollection vector"
)
ADDRESSES = words("uuid inet4 inet6")
STRINGS = frozenset({"char", "varchar", "binary", "varbinary", *TEXTS, *BLOBS})
NOT_UNICODE = frozenset({"binary"})


@dataclass(frozen=True, slots=True)
class Column:
    """A column's clause, taken apart. `given` is what the type has in parentheses, one text each.

    `generated` is "" for a column that holds what is written to it, else "virtual", "stored" or "row" (MariaDB's ROW
    START and ROW END).
    """

    name: str
    type: str
    given: tuple[str, ...]
    unsigned: bool
    collation: str
    never_null: bool
    generated: str
    counts: bool  # AUTO_INCREMENT
    hidden: bool  # INVISIBLE
    rest: str  # what follows the type and its collation

    @property
    def bytes(self) -> bool:
        """Does it hold bytes?"""
        return self.type in ("binary", "varbinary", *BLOBS)

    @property
    def charset(self) -> str:
        return self.collation.partition("_")[0]

    @property
    def holds(self) -> tuple[object, ...]:
        """What may not change under a foreign key; MySQL counts AUTO_INCREMENT in, too."""
        return self.type, self.given, self.unsigned, self.collation, self.never_null, self.generated, self.counts


@lru_cache(maxsize=10_000)
def column(text: str) -> Column:
    """A column's clause in normal form, taken apart."""
    name, kind, given, more, rest = _taken_apart(text)
    collation = ""
    if next_word(rest) == "collate":
        clause, rest = take(rest, 2)
        collation = clause[-1][1]
    said = [word.upper() if kind == "word" else word for kind, word in _outside(rest)]
    generated = ""
    if "AS" in said:
        stored = {"STORED", "PERSISTENT"} & {*said}
        generated = "row" if "ROW" in said else "stored" if stored else "virtual"
    return Column(
        unquote(name), kind, given, "unsigned" in more, collation, never_null(text), generated,
        "AUTO_INCREMENT" in said, "INVISIBLE" in said, joined(rest),
    )  # fmt: skip


def explicit(text: str, own: str) -> str:
    """A column's clause that names its collation also where that is its table's own."""
    _, kind, _, _, rest = _taken_apart(text)
    if kind not in CHARACTERS or next_word(rest) == "collate":
        return text
    head = text[: len(text) - len(joined(rest))].rstrip() if rest else text
    return f"{head} COLLATE {own} {joined(rest)}".rstrip()


def castable(here: Column, there: Column) -> bool:
    """Do the servers try to turn the values of one type into those of the other?"""
    for some in (SHAPES, ADDRESSES):
        if (here.type in some) != (there.type in some) and not {here.type, there.type} & STRINGS:
            return False
    return here.type not in ADDRESSES or there.type not in ADDRESSES or here.type == there.type


def loses(found: str, wanted: str) -> str | None:
    """What MODIFY from one clause to the other can lose, or what rows can refuse; None where it only widens.

    Both clauses name their collation.
    """
    here, there = column(found), column(wanted)
    if there.generated and not here.generated:
        return "its values, which are computed then"
    lost = ["rows with NULL refuse it"] * (
        there.never_null and not here.never_null and there.generated in ("", "stored")
    )
    if not here.generated == "virtual" == there.generated and (narrower := _narrower(here, there)):
        lost.append(narrower)
    return "; ".join(lost) or None


def _narrower(here: Column, there: Column) -> str | None:
    types = [(each.type, each.given, each.unsigned) for each in (here, there)]
    if types[0] != types[1] and not _holds_all(here, there):
        return "values that do not fit into the new type"
    if here.collation and there.collation and here.charset != there.charset and not _encodes_all(here, there):
        return "characters that the new character set does not have"
    if reference_system(here) != reference_system(there):
        return "shapes of another reference system refuse it"
    return None


def _holds_all(here: Column, there: Column) -> bool:
    """Is every value of one type one of the other?"""
    both = (here.type, there.type)
    if here.type in INTEGERS and there.type in INTEGERS:
        wider = RANKS[there.type] - RANKS[here.type]
        return wider >= 0 if here.unsigned == there.unsigned else here.unsigned and wider > 0
    if there.type == "decimal" and here.type in INTEGERS | {"decimal"}:
        whole, places = _digits(here)
        room, fine = _digits(there)
        return room >= whole and fine >= places and (here.unsigned or not there.unsigned)
    if both in {("float", "double"), ("float", "float"), ("double", "double")}:
        return not there.given and (here.unsigned or not there.unsigned)
    if both in {("enum", "enum"), ("set", "set")}:
        return {*map(unquote, here.given)} <= {*map(unquote, there.given)}
    if both in {("varchar", "varchar"), ("char", "char"), ("char", "varchar"), ("varbinary", "varbinary"),
                ("binary", "varbinary"), ("bit", "bit")}:  # fmt: skip
        return _size(there) >= _size(here)
    if both in {("timestamp", "timestamp"), ("datetime", "datetime"), ("time", "time"), ("date", "datetime")}:
        return here.type == "date" or _size(there, 0) >= _size(here, 0)
    for sizes, short in ((TEXTS, ("char", "varchar")), (BLOBS, ("binary", "varbinary"))):
        if there.type in sizes and (here.type in sizes or here.type in short):
            width = WIDEST if sizes is TEXTS else 1
            return sizes[there.type] >= (sizes[here.type] if here.type in sizes else _size(here) * width)
    return False


def _encodes_all(here: Column, there: Column) -> bool:
    charsets = (here.charset, there.charset)
    if charsets in WITHIN:
        return True
    # Text counts in bytes, which may become more; other types count in characters.
    return there.charset == "utf8mb4" and here.charset not in NOT_UNICODE and there.type not in TEXTS


def _size(each: Column, default: int = 1) -> int:
    return int(each.given[0]) if each.given else default


def _digits(each: Column) -> tuple[int, int]:
    """Digits before and behind the point."""
    if each.type in DIGITS:
        return DIGITS[each.type], 0
    total, places = (*map(int, each.given), 0)[:2] if each.given else (10, 0)
    return total - places, places


def reference_system(each: Column) -> str:
    """The SRID of a column of shapes; "" where it takes those of any."""
    said = [text.upper() for _, text in _outside(flat(each.rest))]
    return said[said.index("SRID") + 1] if "SRID" in said else ""


def _outside(found: list[Lexeme]) -> list[Lexeme]:
    """The tokens that are in no parentheses."""
    out, depth = [], 0
    for kind, text in without_space(found):
        depth -= kind == "punctuation" and text == ")"
        if depth == 0 and (kind, text) != ("punctuation", ")"):
            out.append((kind, text))
        depth += kind == "punctuation" and text == "("
    return out


def _taken_apart(text: str) -> tuple[str, str, tuple[str, ...], set[str], list[Lexeme]]:
    """Name, type, what that has in parentheses, its further words, and the rest."""
    first, found = take(flat(text), 1)
    kind, found = take(found, 1)
    given: tuple[str, ...] = ()
    if next_word(found) == "(":
        end = closing(found) + 1
        given = tuple(joined(item) for item in divide(found[:end])[0])
        found = found[end:]
    more: set[str] = set()
    while next_word(found) in TYPE_WORDS:
        word, found = take(found, 1)
        more.add(word[-1][1].lower())
    return first[-1][1], kind[-1][1].lower(), given, more, found
