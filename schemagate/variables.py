"""`${NAME}` in a migration: the value of `SCHEMAGATE_VAR_NAME`, put into a statement that has been split already.

A value is put in as it is, without quotes or escapes, and stays in its place: what would end the string, the name or
the statement that it stands in is refused. In comments nothing is replaced, and nothing is asked for. `$${` is `${`.
"""

from __future__ import annotations

import hashlib
import re
from array import array
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from schemagate.errors import MigrationInvalid
from schemagate.files import is_repeatable
from schemagate.kinds import kind_of
from schemagate.lexer import BLOCK_COMMENT, DOLLARS, LETTER, LINE_COMMENT, QUOTED, STRING, compiled
from schemagate.pieces import LONG
from schemagate.refusals import ServerError
from schemagate.sources import VARIABLE, Secret, Variables, redactor

if TYPE_CHECKING:
    from schemagate.database import Connection
    from schemagate.sql import Statement

HEAD_BYTES = 2000
SHORTEST = 4  # so many characters of a value, in a row, are not shown
MOST_TOLD = 20  # problems of one start
MARK = rb"\$\$\{|\$\{(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)\})?"
INSIDE = {"string": "string", "source": "dollar quotes", "quoted": "name"}


class Written(NamedTuple):
    """A statement as it stands in its file: the checksum of its `text`, its first bytes, and the values put into it.

    `checksum` is the one that counts: the same, or one into which the values get, too.
    """

    text: bytes
    checksum: bytes
    head: bytes
    values: tuple[Secret, ...]

    def hide(self, text: str) -> str:
        """What a server says of the statement, without the values and without parts of them: it quotes from the middle
        of a statement, and not to the end; and what UPPER and LOWER make of them.
        """
        given = [value.reveal() for value in self.values]
        texts = [each for value in given for each in dict.fromkeys((value, value.upper(), value.lower()))]
        text = redactor(texts)(text)
        for value in texts:
            for shape in {value, value.replace("'", "''"), _as_bytes(value)}:
                text = _without_parts(text, shape)
        return text


class Problem(NamedTuple):
    """What is wrong in a line of a file, in words that end a sentence.

    `missing` is the variable without a value, empty for a `${` that names none; None where a value is there, and bad.
    """

    file: str
    line: int
    text: str
    missing: str | None = None


class Filler:
    """Puts values into the statements of one file. What is wrong with them is collected: it is told all at once."""

    def __init__(self, variables: Variables, file: str) -> None:
        self._values, self._file = dict(variables), file
        self._counts = is_repeatable(file)  # is a statement with another value another statement?
        self.problems: list[Problem] = []

    def fill(self, raw: bytes | bytearray, line: int, checksum: bytes) -> tuple[bytes | bytearray, Written | None]:
        """The statement with its values, and what it was before; as it is where it has no `${` outside of comments.

        `line` is that of its first byte. While it is filled in, a statement is in memory twice.
        """
        made, inside, bare = bytearray(), dict[str, Secret](), dict[str, Secret]()
        starts, ends = array("Q"), array("Q")  # of what is not just code, in what is made
        changed = False
        for kind, found in _lexemes(raw):
            part: bytes | memoryview = memoryview(raw)[found.start() : found.end()]
            if kind != "comment" and raw.find(b"${", found.start(), found.end()) >= 0:
                changed = True
                part = self._filled(raw, kind, found, line, bare if kind == "mark" else inside)
            if not _is_code(kind, found):
                starts.append(len(made))
                ends.append(len(made) + len(part))
            made += part
        if not changed:
            return raw, None
        if bare and (not _is_around(made, starts, ends) or kind_of(made) != kind_of(raw)):
            what = "would end the statement, begin a comment or a string, or make another kind of statement of it"
            self._add(raw, 0, line, f"{_of(bare)} {what}")
        values = tuple((inside | bare).values())
        counted = _with_values(checksum, values) if self._counts else checksum
        return made if len(made) > LONG else bytes(made), Written(checksum, counted, bytes(raw[:HEAD_BYTES]), values)

    def _filled(
        self, raw: bytes | bytearray, kind: str, found: re.Match[bytes], line: int, used: dict[str, Secret]
    ) -> bytes:
        """A string, a name or a placeholder with its values, which are noted in `used`."""
        begin, here = found.start(), dict[str, Secret]()

        def value(mark: re.Match[bytes]) -> bytes:
            if mark[0] == b"$${":
                return b"${"
            name = (mark["name"] or b"").decode()
            if name in self._values:
                here[name] = self._values[name]
                return here[name].reveal().encode()
            self._add(raw, begin + mark.start(), line, *_unknown(name))
            return mark[0]

        whole = re.sub(MARK, value, found[0])
        used.update(here)
        if kind != "mark" and not _is_whole(kind, whole, found["dollars"]):
            self._add(raw, begin, line, f"{_of(here)} would end the {INSIDE[kind]} that it stands in")
        return whole

    def _add(self, raw: bytes | bytearray, at: int, line: int, text: str, missing: str | None = None) -> None:
        self.problems.append(Problem(self._file, line + raw.count(b"\n", 0, at), text, missing))


def refusal(problems: list[Problem]) -> MigrationInvalid:
    """The error for placeholders that cannot be filled in; none of it has a value."""
    first, names = problems[0], list(dict.fromkeys(each.missing for each in problems if each.missing))
    said = "; ".join(f"{each.file}:{each.line}: {each.text}" for each in problems[:MOST_TOLD])
    more = f"; and {len(problems) - MOST_TOLD} more" if len(problems) > MOST_TOLD else ""
    settings = " and ".join(f"{VARIABLE}{name}" for name in names[:MOST_TOLD])
    ways = [f"set {settings}"] if names else []
    if any(each.missing is not None for each in problems):
        ways.append("write $${ where ${ is meant as it stands")
    if any(each.missing is None for each in problems):
        ways.append("give a value that stays in its place, or write the statement so that it does")
    return MigrationInvalid(
        f"{said}{more}. {ways[0][0].upper()}{'; '.join(ways)[1:]}.",
        file=first.file,
        line=first.line,
        problems=[f"{each.file}:{each.line}: {each.text}" for each in problems[:MOST_TOLD]],
    )


def run(connection: Connection, statement: Statement, each: Callable[[Any], object] = bool) -> int:
    """Run a statement of a migration, whose rows `each` gets; returns how many it changed. What the server says of it
    has no value in it.
    """
    try:
        return connection.run(statement.raw, each)
    except ServerError as error:
        if statement.written is None:
            raise
        raise without_values(error, statement) from None


def hiding(statement: Statement, variables: Variables) -> Statement:
    """A statement that no file has, such that what is told of it has none of the values that are in it."""
    text = statement.text
    values = tuple(value for _, value in variables if redactor([value.reveal()])(text) != text)
    if not values:
        return statement
    written = Written(b"", statement.checksum, b"", values)
    return statement._replace(written=written._replace(head=written.hide(text).encode()[:HEAD_BYTES]))


def without_values(error: ServerError, statement: Statement) -> ServerError:
    """The error as it may be told."""
    return ServerError(error.errno, statement.written.hide(error.text)) if statement.written else error


def _with_values(checksum: bytes, values: tuple[Secret, ...]) -> bytes:
    """The checksum of a statement that is another one with other values: they get into it, as a hash."""
    hashes = b"".join(hashlib.sha256(value.reveal().encode()).digest() for value in values)
    return hashlib.sha256(checksum + hashes).digest() if values else checksum


def _unknown(name: str) -> tuple[str, str]:
    if not name:
        return "${ is not followed by a name and }", ""
    if name.endswith("_FILE"):
        return f"${{{name}}} cannot have a value: a name does not end in _FILE, which says where to read one", ""
    return f"${{{name}}} has no value", name


def _of(names: dict[str, Secret]) -> str:
    return f"the value of {' or '.join(f'${{{name}}}' for name in names)}" if names else "$${"


def _is_whole(kind: str, text: bytes, tag: bytes | None) -> bool:
    """Is it still one string, name or dollar quote?"""
    if kind == "source":
        return tag is not None and text.count(tag) == 2
    return _whole(STRING if kind == "string" else QUOTED).fullmatch(text) is not None


@cache
def _whole(expression: str) -> re.Pattern[bytes]:
    return compiled(expression, re.DOTALL | re.ASCII, binary=True)


@cache
def _scanner() -> re.Pattern[bytes]:
    """All of a statement, in as few steps as can be: what has an inside, placeholders outside, the rest."""
    return compiled(
        rf"""
          (?P<comment>{LINE_COMMENT}|{BLOCK_COMMENT})
        | (?P<string>{STRING})
        | (?P<source>(?<!{LETTER}){DOLLARS})
        | (?P<quoted>{QUOTED})
        | (?P<mark>\$?\$\{{(?:[A-Za-z_][A-Za-z0-9_]*\}})?)
        | (?P<plain>(?:[^'"`\#/\-\\$;*]|(?<={LETTER})\$(?!\$?\{{))++)
        | (?P<hint>/\*M?!|\*/)
        | (?P<other>.)
        """,
        re.VERBOSE | re.DOTALL | re.ASCII,
        binary=True,
    )


def _lexemes(raw: bytes | bytearray) -> Iterator[tuple[str, re.Match[bytes]]]:
    return ((str(found.lastgroup), found) for found in _scanner().finditer(raw))


def _is_around(made: bytes | bytearray, starts: array[int], ends: array[int]) -> bool:
    """Is all that was written with an inside, or between statements, still at its place around the values? A value may
    have strings and names in quotes of its own, and nothing else that goes on behind it.
    """
    at = 0
    for kind, found in _lexemes(made):
        if _is_code(kind, found):
            continue
        if at < len(starts) and found.span() == (starts[at], ends[at]):
            at += 1
        elif kind not in ("string", "quoted"):
            return False
    return at == len(starts)


def _is_code(kind: str, found: re.Match[bytes]) -> bool:
    return kind in ("plain", "mark") or (kind == "other" and found[0] in b"/-*$")


def _as_bytes(text: str) -> str:
    """As servers show what they do not take for text."""
    return "".join(chr(byte) if 32 <= byte < 127 else f"\\x{byte:02X}" for byte in text.encode())


def _without_parts(text: str, value: str) -> str:
    """The text, and `***` in the place of whatever of it is in the value."""
    at, made = 0, ""
    while at < len(text):
        end = at + SHORTEST
        if end > len(text) or text[at:end] not in value:
            made, at = made + text[at], at + 1
            continue
        while end < len(text) and text[at : end + 1] in value:
            end += 1
        made, at = made + "***", end
    return made
