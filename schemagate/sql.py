"""SQL text as statements: what the `mysql` and `mariadb` clients would send, and what each statement is about.

Splitting streams, is lossless, and knows no server: it follows the rules that both flavours share.
"""

from __future__ import annotations

import codecs
import hashlib
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING

from schemagate.errors import MigrationInvalid
from schemagate.kinds import has_body, kind_of
from schemagate.lexer import BLANKS, Token, lexemes, quote, tokens, unquote
from schemagate.pieces import Piece, split

if TYPE_CHECKING:
    from schemagate.names import Name, Qualifier

__all__ = [
    "Directive",
    "Piece",
    "Statement",
    "Token",
    "decode",
    "file_directives",
    "has_body",
    "qualifiers",
    "quote",
    "split",
    "statements",
    "tokens",
    "unquote",
]


@dataclass(frozen=True, slots=True)
class Directive:
    """A comment for us, `-- schemagate: WORD [VALUE]`, before or in a statement."""

    word: str
    value: str
    line: int


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement: what the clients send with --comments, without white space and line comments around it.

    `line` is that of its first token which is no comment, in the file, from 1. `kind` and `names` are found in the text
    whenever they are asked for: cheap for DML, linear in the length of anything else.
    """

    text: str
    ordinal: int
    line: int
    directives: tuple[Directive, ...] = ()

    @property
    def kind(self) -> str:
        """Verb and object in small letters: "create table", "insert", "set global"; see `kinds.kind_of`."""
        return kind_of(self.text)

    @property
    def names(self) -> tuple[Name, ...]:
        """The objects that it names, in order of appearance; rather one too many than one too few."""
        from schemagate.names import names_of  # a start with nothing to do does not ask

        return names_of(self.text)

    @property
    def checksum(self) -> bytes:
        """SHA-256 of the text; line endings and white space at the end do not count."""
        text = self.text.rstrip(BLANKS)
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        return hashlib.sha256(text.encode()).digest()


def qualifiers(text: str) -> tuple[Qualifier, ...]:
    """Every `schema.` in a statement, and every word with a dot that might be one, in order; see `names.Qualifier`."""
    from schemagate import names

    return names.qualifiers(text)


def decode(raw_chunks: Iterable[bytes], file: str) -> Iterator[str]:
    """The text of a UTF-8 file, a byte order mark dropped; bad bytes and NUL are MigrationInvalid, with their line.

    Where the first line ends with a carriage return alone, each of these becomes a line feed: to the server, as to
    `split`, a comment ends at a line feed only, and would swallow the rest of such a file.
    """
    decoder, bad = codecs.getincrementaldecoder("utf-8-sig")(), ""
    line, held, ending, translator = 1, "", "", io.IncrementalNewlineDecoder(None, translate=True)
    for raw in chain(filter(None, raw_chunks), (b"",)):
        try:
            text = held + decoder.decode(raw, final=not raw)
        except UnicodeDecodeError as error:
            text, bad = held + error.object[: error.start].decode(), "is not UTF-8; save it as UTF-8"
        last = not raw or bool(bad)
        if not ending:
            found = _ending().search(text)
            held = text if found and found[0] == "\r" and found.end() == len(text) and not last else ""
            if held:  # a line feed may come next
                continue
            ending = found[0] if found else ""
        if ending == "\r":
            text = translator.decode(text, final=last)
        if "\0" in text:
            text, bad = text[: text.index("\0")], "has a NUL character; take it out"
        line += text.count("\n")
        if bad:
            raise MigrationInvalid(f"{file} line {line} {bad}", file=file, line=line)
        yield text


@cache
def _ending() -> re.Pattern[str]:
    return re.compile(r"\r\n?|\n")


def statements(chunks: Iterable[str], file: str) -> Iterator[Statement]:
    """The statements of a file, one after the other; in memory is little more than the one at hand.

    A piece of nothing but comments is not a statement; an executable comment is. Raises MigrationInvalid as `split`
    does, and for a directive that stands before no statement.
    """
    ordinal, waiting, delimited = 0, list[Directive](), 0
    for piece in split(chunks, file):
        if piece.kind == "delimiter":
            delimited = piece.line + piece.text.count("\n")
            continue
        found = _directives(piece)
        if piece.kind == "statement":
            ordinal += 1
            yield Statement(piece.text, ordinal, piece.token_line, (*waiting, *found))
            waiting.clear()
        elif ordinal and found and found[0].line == delimited:
            raise _misplaced(found[0], file)
        else:
            waiting += found
    if ordinal and waiting:
        raise _misplaced(waiting[0], file)


def file_directives(chunks: Iterable[str], file: str) -> tuple[Directive, ...]:
    """The directives in the head of a file, before the first token; reads no further than the first statement."""
    head: list[Directive] = []
    for piece in split(chunks, file):
        head += [found for found in _directives(piece) if piece.kind == "comment" or found.line < piece.token_line]
        if piece.kind == "statement":
            break
    return tuple(head)


def _directives(piece: Piece) -> list[Directive]:
    if "schemagate:" not in piece.text:  # all that a million statements should pay
        return []
    matches = (
        (_directive().fullmatch(lexeme), offset) for kind, lexeme, offset in lexemes(piece.text) if kind == "comment"
    )
    return [
        Directive(found["word"], found["value"] or "", piece.line + piece.text.count("\n", 0, offset))
        for found, offset in matches
        if found
    ]


@cache
def _directive() -> re.Pattern[str]:
    return re.compile(r"--\s+schemagate:\s*(?P<word>\S+)(?:\s+(?P<value>.*\S))?\s*")


def _misplaced(directive: Directive, file: str) -> MigrationInvalid:
    return MigrationInvalid(
        f"{file} line {directive.line}: the directive {directive.word} has no statement behind it; "
        "put it on a line of its own before the statement that it is for",
        file=file,
        line=directive.line,
    )
