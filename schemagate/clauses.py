"""The text of SHOW CREATE TABLE as clauses: the normal form in which two tables are compared.

By lexer, never by regular expressions on lines: a comment or a default value may look like any clause.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import overload

from schemagate.flat import closing, divide, flat, joined, next_word, take, without_space
from schemagate.lexer import quote, unquote
from schemagate.literals import Lexeme, without_binary


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
# Options that a table keeps in its text when it becomes one of another engine, where they mean nothing.
OF_ARIA = frozenset({"PAGE_CHECKSUM", "TRANSACTIONAL"})
# What may stand between a type and its character set.
TYPE_WORDS = frozenset({"unsigned", "zerofill", "compressed"})
OF_BYTES = re.compile(r" (?:(?:var)?binary|\w*blob)\b")
TWO_WORDS = frozenset({"default charset", "default collate", "data directory", "index directory"})


class TableParts(Sequence[Part]):
    """The clauses of a table, in the order of the text. `charsets` gives the default collation of each character set.

    What a server writes or leaves out without changing what the table is, is the same here: comments, character sets
    (the collation says it), the collation where it is the table's own, widths of integers that are not zero-filled,
    `utf8` for `utf8mb3`, AUTO_INCREMENT=n; in InnoDB, USING BTREE and the size of an index's blocks. Equal texts are
    equal, and most texts are: the clauses are found when somebody looks at them.
    """

    __slots__ = ("_create", "_defaults")

    def __init__(self, create: str, charsets: Mapping[str, str]) -> None:
        self._create, self._defaults = create, tuple(sorted(charsets.items()))

    def _found(self) -> tuple[Part, ...]:
        return _parts(self._create, self._defaults)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, TableParts) and (self._create, self._defaults) == (other._create, other._defaults):
            return True
        return isinstance(other, Sequence) and self._found() == tuple(other)

    def __hash__(self) -> int:
        return hash(self._found())

    def __len__(self) -> int:
        return len(self._found())

    @overload
    def __getitem__(self, at: int) -> Part: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Part, ...]: ...
    def __getitem__(self, at: int | slice) -> Part | tuple[Part, ...]:
        return self._found()[at]

    def __iter__(self) -> Iterator[Part]:
        return iter(self._found())

    def __repr__(self) -> str:
        return repr(self._found())


@lru_cache(maxsize=10_000)  # the text of most tables is seen twice: in the snapshot, and on the server
def _parts(create: str, defaults: tuple[tuple[str, str], ...]) -> tuple[Part, ...]:
    charsets = dict(defaults)
    items, tail = divide(flat(create))
    options, partitions = _options(tail)
    charset = options.pop("DEFAULT CHARSET", "DEFAULT CHARSET=").partition("=")[2].lower()
    own = options.pop("COLLATE", "COLLATE=" + charsets.get(charset, charset)).partition("=")[2]
    engine = options.get("ENGINE", "").lower()
    innodb = engine == "engine=innodb"
    if engine != "engine=aria":
        options = {name: text for name, text in options.items() if name not in OF_ARIA}
    parts = [_item(item, own, charsets, innodb=innodb) for item in items]
    if "_binary'" in create:
        parts = _without_binary(parts)
    if "CHECK (" in create or " AS (" in create:
        parts = _in_the_spelling_of_columns(parts)
    parts += _clustered(parts)
    parts += [Part("option", name, text) for name, text in {**options, "COLLATE": f"COLLATE={own}"}.items()]
    return (*parts, *_partitions(partitions))


def columns_of(text: str) -> list[str]:
    """The columns of an index's or key's clause, each as written: `a`(10) DESC, or an expression in parentheses."""
    return [joined(item) for item in divide(flat(text))[0]]


def _item(found: list[Lexeme], own: str, charsets: Mapping[str, str], *, innodb: bool) -> Part:
    words = without_space(found)
    if words and words[0][0] == "quoted":
        return Part("column", unquote(words[0][1]), _column(words[0], found, own, charsets))
    if len(words) < 3:  # MariaDB does not double a backtick in the names of a foreign key: nobody can read that right
        return Part("attribute", "", joined(found))
    first = words[0][1].upper()
    if first == "CONSTRAINT":
        kind = "key" if words[2][1].upper() == "FOREIGN" else "check"
        return Part(kind, unquote(words[1][1]), joined(found))
    if first == "PERIOD":
        return Part("attribute", "period", joined(found))
    if first == "CHECK":
        return Part("check", "", joined(found))
    at = next((at for at, (_, word) in enumerate(words[:-1]) if word.upper() in ("KEY", "INDEX")), -1)
    name = "PRIMARY" if first == "PRIMARY" else unquote(words[at + 1][1])
    return Part("index", name, joined(_without_ignored(found) if innodb else found))


def _column(name: Lexeme, found: list[Lexeme], own: str, charsets: Mapping[str, str]) -> str:
    rest = found[found.index(name) + 1 :]
    at = next((at for at, (kind, _) in enumerate(rest) if kind != "space"), len(rest))
    data_type, rest = rest[: at + 1], rest[at + 1 :]
    if rest and rest[0][1] == "(":
        end = closing(rest) + 1
        width, rest = rest[:end], rest[end:]
        if not _is_display_width(data_type[-1][1].lower(), joined(width), rest):
            data_type += width
    collation = None
    while (word := next_word(rest)) in TYPE_WORDS | {"character", "collate"}:
        clause, rest = take(rest, 3 if word == "character" else 2 if word == "collate" else 1)
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


def _without_ignored(found: list[Lexeme]) -> list[Lexeme]:
    """An index of InnoDB without what that has in any case, or makes nothing of: USING BTREE, and a block size of its
    own, which stays where that of the table changes.
    """
    for word, value in (("USING", "btree"), ("KEY_BLOCK_SIZE", "=")):
        for at, (kind, text) in enumerate(found):
            if kind == "word" and text.upper() == word and next_word(found[at + 1 :]) == value:
                found = found[: at - 1] + take(found[at:], 2 if word == "USING" else 3)[1]
                break
    return found


def _without_binary(parts: Sequence[Part]) -> list[Part]:
    """The clauses, with the literals beside columns of bytes as they were written."""
    columns = {quote(part.name): part.text[len(quote(part.name)) :] for part in parts if part.kind == "column"}
    of_bytes = [name for name, said in columns.items() if OF_BYTES.match(said)]
    return [Part(part.kind, part.name, joined(without_binary(flat(part.text), of_bytes))) for part in parts]


def _in_the_spelling_of_columns(parts: Sequence[Part]) -> list[Part]:
    """The clauses, with the columns that expressions name as these are spelled: MySQL keeps the spelling of whoever
    wrote the expression until the next ALTER TABLE.
    """
    columns = {quote(part.name).lower(): quote(part.name) for part in parts if part.kind == "column"}

    def spelled(text: str) -> str:
        depth, out = 0, []
        for kind, lexeme in flat(text):
            depth += (lexeme == "(") - (lexeme == ")") if kind == "punctuation" else 0
            out.append(columns.get(lexeme.lower(), lexeme) if kind == "quoted" and depth else lexeme)
        return "".join(out).strip()

    return [
        Part(part.kind, part.name, spelled(part.text))
        if part.kind == "check" or (part.kind == "column" and (" AS (" in part.text or "CHECK (" in part.text))
        else part
        for part in parts
    ]


def _clustered(parts: Sequence[Part]) -> list[Part]:
    """Without a primary key InnoDB keeps the rows in the order of the first UNIQUE without NULLs: which one that is
    depends on the order of the indexes, which counts for nothing else.
    """
    indexes = [part for part in parts if part.kind == "index"]
    if any(part.name == "PRIMARY" for part in indexes):
        return []
    columns = {quote(part.name): part.text for part in parts if part.kind == "column"}
    unnullable = {name for name, text in columns.items() if never_null(text)}
    for part in indexes:
        if part.text.startswith("UNIQUE ") and all(
            column.removesuffix(" DESC") in unnullable for column in columns_of(part.text)
        ):
            return [Part("attribute", "clustered index", quote(part.name))]
    return []


def never_null(column: str) -> bool:
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
    while left and (words or next_word(left) != "partition"):
        clause, left = take(left, 1)
        if clause[-1][1] != "=":
            words += [text for kind, text in clause[-1:] if kind != "space"]
            size = _without_value(words)
            if size:
                _note(options, words[:-size])
                _note(options, words[-size:])
                words = []
            continue
        count = 2 if " ".join(words[-2:]).lower() in TWO_WORDS else 1
        _note(options, words[:-count])
        name, words = " ".join(words[-count:]), []
        value = take(left, 1)[0]
        end = len(value) + (closing(left[len(value) - 1 :]) if value and value[-1][1] == "(" else 0)
        name = unquote(name) if name.startswith("`") else name.upper()
        options[name] = f"{name}={joined(left[:end])}"
        left = left[end:]
    _note(options, words)
    options.pop("AUTO_INCREMENT", None)
    return options, left


def _without_value(words: Sequence[str]) -> int:
    """How many of the last words are an option that has no `=`."""
    if [*words[-3:]] == ["WITH", "SYSTEM", "VERSIONING"]:
        return 3
    return 2 if len(words) > 1 and words[-2] in ("TABLESPACE", "STORAGE") else 0


def _note(options: dict[str, str], words: Sequence[str]) -> None:
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
        if text == "(" and depth == 0 and next_word(found[at + 1 :]) == "partition":
            items = [(without_space(item), joined(item)) for item in divide(found[at:])[0]]
            return [
                Part("partition", "", joined(found[:at])),
                *(Part("partition", unquote(words[1][1]), text) for words, text in items),
            ]
        depth += (text == "(") - (text == ")")
    return [Part("partition", "", joined(found))]
