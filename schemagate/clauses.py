"""The text of SHOW CREATE TABLE as clauses: the normal form in which two tables are compared.

By lexer, never by regular expressions on lines: a comment or a default value may look like any clause.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from schemagate.lexer import lexemes, quote, unquote

Lexeme = tuple[str, str]  # kind and text


@dataclass(frozen=True, slots=True)
class Part:
    """One clause of an object. `kind` is "column", "index", "key" (foreign), "check", "option", "partition", "body" or
    "attribute"; `text` is its normal form.

    The text of a column, index, key or check is SQL: `ALTER TABLE … ADD <text>` makes it in the same table.
    """

    kind: str
    name: str
    text: str


INTEGERS = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint"})
# What may stand between a type and its character set.
TYPE_WORDS = frozenset({"unsigned", "zerofill", "compressed"})
TWO_WORDS = frozenset({"default charset", "default collate", "data directory", "index directory"})
# In these a letter of ASCII is not the byte that it is elsewhere: their introducers are never left out.
NOT_ASCII = frozenset({"_ucs2", "_utf16", "_utf16le", "_utf32", "_binary"})


def table_parts(create: str, charsets: Mapping[str, str]) -> tuple[Part, ...]:
    """The clauses of a table, in the order of the text. `charsets` gives the default collation of each character set.

    What a server writes or leaves out without changing what the table is, is the same here: comments, character sets
    (the collation says it), the collation where it is the table's own, widths of integers that are not zero-filled,
    `utf8` for `utf8mb3`, USING BTREE in InnoDB, AUTO_INCREMENT=n.
    """
    items, tail = _divide(flat(create))
    options, partitions = _options(tail)
    charset = options.pop("DEFAULT CHARSET", "DEFAULT CHARSET=").partition("=")[2].lower()
    own = options.pop("COLLATE", "COLLATE=" + charsets.get(charset, charset)).partition("=")[2]
    btree = options.get("ENGINE", "").lower() == "engine=innodb"
    parts = [_item(item, own, charsets, btree=btree) for item in items]
    parts += _clustered(parts)
    parts += [Part("option", name, text) for name, text in {**options, "COLLATE": f"COLLATE={own}"}.items()]
    return (*parts, *_partitions(partitions))


def loadable_table(text: str, database: str) -> str:
    """The text of SHOW CREATE TABLE as it can be run in any schema: without AUTO_INCREMENT=n and the schema's own name.

    MariaDB 10.11 writes a binary default as the bytes that it is; where these are no UTF-8 they become X'…' here.
    """
    own = quote(database)
    if " AUTO_INCREMENT=" not in text and f"{own}." not in text and text.isascii():
        return text
    found = [*lexemes(text), ("", "", len(text))]
    out: list[str] = []
    depth = skip = 0
    for at, (kind, lexeme, _) in enumerate(found[:-1]):
        if skip:
            skip -= 1
            continue
        if kind == "punctuation":
            depth += (lexeme == "(") - (lexeme == ")")
        if kind == "quoted" and lexeme == own and found[at + 1][1] == ".":
            skip = 1
        elif kind == "word" and depth == 0 and lexeme == "AUTO_INCREMENT" and found[at + 1][1] == "=":
            skip = 3  # `=`, the number, and the blank behind it
        elif kind == "string" and not _is_text(lexeme):
            out.append(f"X'{unquote(lexeme).encode(errors='surrogateescape').hex()}'")
        else:
            out.append(lexeme)
    return "".join(out)


def flat(text: str) -> list[Lexeme]:
    """The tokens that count: white space is one blank, comments are gone, executable comments are opened.

    Only for text that a server wrote: there all names are quoted, so that `utf8` is a character set wherever it stands.
    """
    found: list[Lexeme] = []
    for kind, lexeme, _ in lexemes(text):
        if kind in ("space", "comment", "hint"):
            if found and found[-1][0] != "space":
                found.append(("space", " "))
        elif kind == "word":
            found.append((kind, _named_today(lexeme)))
        else:
            if kind == "string" and found and lexeme.isascii() and _leads_ascii(found[-1]):
                # MySQL rewrites the character sets of literals at ALTER TABLE. For ASCII it makes no difference.
                found.pop()
            found.append((kind, lexeme))
    return found


def joined(found: Iterable[Lexeme]) -> str:
    """Tokens as text."""
    return "".join(lexeme for _, lexeme in found).strip()


def without_space(found: Iterable[Lexeme]) -> list[Lexeme]:
    """Tokens without white space."""
    return [each for each in found if each[0] != "space"]


def columns_of(text: str) -> list[str]:
    """The columns of an index's or key's clause, each as written: `a`(10) DESC, or an expression in parentheses."""
    return [joined(item) for item in _divide(flat(text))[0]]


def today(word: str) -> str:
    """The name of a character set or collation as servers write it now: `utf8` is `utf8mb3`."""
    return _named_today(word)


def _is_text(lexeme: str) -> bool:
    return not any("\udc80" <= letter <= "\udcff" for letter in lexeme)


def _named_today(word: str) -> str:
    lower = word.lower()
    if lower in ("utf8", "_utf8") or lower.startswith("utf8_"):
        return lower.replace("utf8", "utf8mb3", 1)
    return word


def _leads_ascii(lexeme: Lexeme) -> bool:
    kind, text = lexeme
    return kind == "word" and text[0] == "_" and text.lower() not in NOT_ASCII


def _divide(found: Sequence[Lexeme]) -> tuple[list[list[Lexeme]], list[Lexeme]]:
    """What the first parentheses hold, divided at its commas; and what follows them."""
    items: list[list[Lexeme]] = [[]]
    depth = 0
    for at, lexeme in enumerate(found):
        sign = lexeme[1] if lexeme[0] == "punctuation" else ""
        depth -= sign == ")"
        if depth == 0 and sign == ")":
            return items, list(found[at + 1 :])
        if depth == 1 and sign == ",":
            items.append([])
        elif depth:
            items[-1].append(lexeme)
        depth += sign == "("
    return (items if depth else []), []


def _item(found: list[Lexeme], own: str, charsets: Mapping[str, str], *, btree: bool) -> Part:
    words = without_space(found)
    if words[0][0] == "quoted":
        return Part("column", unquote(words[0][1]), _column(words[0], found, own, charsets))
    first = words[0][1].upper()
    if first == "CONSTRAINT":
        kind = "key" if words[2][1].upper() == "FOREIGN" else "check"
        return Part(kind, unquote(words[1][1]), joined(found))
    if first == "PERIOD":
        return Part("attribute", "period", joined(found))
    if first == "CHECK":
        return Part("check", "", joined(found))
    at = next(at for at, (_, word) in enumerate(words) if word.upper() in ("KEY", "INDEX"))
    name = "PRIMARY" if first == "PRIMARY" else unquote(words[at + 1][1])
    return Part("index", name, joined(_without_btree(found) if btree else found))


def _column(name: Lexeme, found: list[Lexeme], own: str, charsets: Mapping[str, str]) -> str:
    rest = found[found.index(name) + 1 :]
    at = next((at for at, (kind, _) in enumerate(rest) if kind != "space"), len(rest))
    data_type, rest = rest[: at + 1], rest[at + 1 :]
    if rest and rest[0][1] == "(":
        end = _closing(rest) + 1
        width, rest = rest[:end], rest[end:]
        if not _is_display_width(data_type[-1][1].lower(), joined(width), rest):
            data_type += width
    collation = None
    while (word := _next_word(rest)) in TYPE_WORDS | {"character", "collate"}:
        clause, rest = _take(rest, 3 if word == "character" else 2 if word == "collate" else 1)
        if word in TYPE_WORDS:
            data_type += clause
            continue
        value = clause[-1][1]
        collation = charsets.get(value.lower(), value) if word == "character" else value
    if collation and collation != own:
        data_type += [("space", " "), ("word", "COLLATE"), ("space", " "), ("word", collation)]
    return joined([name, *data_type, *rest])


def _is_display_width(data_type: str, width: str, rest: Sequence[Lexeme]) -> bool:
    if data_type == "year":
        return True
    if data_type not in INTEGERS or (data_type == "tinyint" and width == "(1)"):  # which drivers take for a boolean
        return False
    return "zerofill" not in (word.lower() for _, word in without_space(rest)[:2])


def _next_word(found: Sequence[Lexeme]) -> str:
    return next((text.lower() for kind, text in found if kind != "space"), "")


def _take(found: list[Lexeme], count: int) -> tuple[list[Lexeme], list[Lexeme]]:
    """The first `count` tokens that are no white space, with the blanks before them; and the rest."""
    for at, (kind, _) in enumerate(found):
        count -= kind != "space"
        if count == 0:
            return found[: at + 1], found[at + 1 :]
    return found, []


def _closing(found: Sequence[Lexeme]) -> int:
    depth = 0
    for at, (kind, text) in enumerate(found):
        if kind == "punctuation":
            depth += (text == "(") - (text == ")")
            if depth == 0:
                return at
    return len(found) - 1


def _without_btree(found: list[Lexeme]) -> list[Lexeme]:
    for at, (kind, text) in enumerate(found):
        if kind == "word" and text.upper() == "USING" and _next_word(found[at + 1 :]) == "btree":
            return found[: at - 1] + _take(found[at:], 2)[1]
    return found


def _clustered(parts: Sequence[Part]) -> list[Part]:
    """Where there is no primary key, InnoDB keeps the rows in the order of the first UNIQUE without NULLs: which that is
    depends on the order of the indexes, which counts for nothing else.
    """
    indexes = [part for part in parts if part.kind == "index"]
    if any(part.name == "PRIMARY" for part in indexes):
        return []
    columns = {quote(part.name): part.text for part in parts if part.kind == "column"}
    never_null = {name for name, text in columns.items() if _never_null(text)}
    for part in indexes:
        if part.text.startswith("UNIQUE ") and all(
            column.removesuffix(" DESC") in never_null for column in columns_of(part.text)
        ):
            return [Part("attribute", "clustered index", quote(part.name))]
    return []


def _never_null(column: str) -> bool:
    depth, before = 0, ""
    for kind, text in without_space(flat(column)):
        if kind == "punctuation":
            depth += (text == "(") - (text == ")")
        if depth == 0 and kind == "word":
            if (before, text.upper()) == ("NOT", "NULL"):
                return True
            before = text.upper()
    return False


def _options(tail: Sequence[Lexeme]) -> tuple[dict[str, str], list[Lexeme]]:
    """The options behind the columns, by name, and the tokens of the partitioning."""
    options: dict[str, str] = {}
    words: list[str] = []
    left = list(tail)
    while left:
        if _next_word(left) == "partition" and not words:
            break
        clause, left = _take(left, 1)
        kind, text = clause[-1]
        if kind == "space":
            continue
        if text != "=":
            words.append(text)
            if words[-3:] == ["WITH", "SYSTEM", "VERSIONING"] or (
                len(words) > 1 and words[-2] in ("TABLESPACE", "STORAGE")
            ):
                _note(options, words[:-3] if words[-1] == "VERSIONING" else words[:-2])
                _note(options, words[-3:] if words[-1] == "VERSIONING" else words[-2:])
                words = []
            continue
        count = 2 if " ".join(words[-2:]).lower() in TWO_WORDS else 1
        _note(options, words[:-count])
        name, words = " ".join(words[-count:]), []
        value = _take(left, 1)[0]
        end = len(value) + (_closing(left[len(value) - 1 :]) if value and value[-1][1] == "(" else 0)
        name = unquote(name) if name.startswith("`") else name.upper()
        options[name] = f"{name}={joined(left[:end])}"
        left = left[end:]
    _note(options, words)
    options.pop("AUTO_INCREMENT", None)
    return options, left


def _note(options: dict[str, str], words: list[str]) -> None:
    """Take down words without a value as one option."""
    if words:
        options[words[0]] = " ".join(words)


def _partitions(found: list[Lexeme]) -> list[Part]:
    """How the rows are divided, and each partition."""
    if not without_space(found):
        return []
    depth = 0
    for at, (kind, text) in enumerate(found):
        if kind != "punctuation":
            continue
        if text == "(" and depth == 0 and _next_word(found[at + 1 :]) == "partition":
            items = [(without_space(item), joined(item)) for item in _divide(found[at:])[0]]
            return [
                Part("partition", "", joined(found[:at])),
                *(Part("partition", unquote(words[1][1]), text) for words, text in items),
            ]
        depth += (text == "(") - (text == ")")
    return [Part("partition", "", joined(found))]
