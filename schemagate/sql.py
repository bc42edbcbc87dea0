"""SQL text as statements: what the `mysql` and `mariadb` clients would send, and what each statement is about.

Splitting streams, is lossless, and knows no server: it follows the rules that both flavours share. A statement is the
bytes that the server gets, so that a long one is in memory once.
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
from typing import TYPE_CHECKING, NamedTuple

from schemagate.errors import MigrationInvalid
from schemagate.kinds import has_body, kind_of
from schemagate.lexer import Token, decoded, lexemes, quote, tokens, unquote
from schemagate.pieces import LONG, Piece, split

if TYPE_CHECKING:
    from schemagate.names import Name, Qualifier
    from schemagate.variables import Filler, Written

# What a file can tell us of a statement; see migrations/README.md.
NO_STRUCTURE, REPEATABLE, COMPATIBLE = "no-structure", "repeatable", "compatible-with"
DIRECTIVES = frozenset({NO_STRUCTURE, REPEATABLE, COMPATIBLE})

__all__ = [
    "COMPATIBLE",
    "DIRECTIVES",
    "NO_STRUCTURE",
    "REPEATABLE",
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

SHORT = 2000  # bytes of a statement whose names are kept


@dataclass(frozen=True, slots=True)
class Directive:
    """A comment for us, `-- schemagate: WORD [VALUE]`, before or in a statement."""

    word: str
    value: str
    line: int


class Statement(NamedTuple):
    """One SQL statement: what the clients send with --comments, without white space and line comments around it.

    `raw` is its UTF-8, `line` that of its first token which is no comment, in the file, from 1. `kind` and `names` are
    found whenever they are asked for, but for a kind that is `known`: cheap for DML, linear in the length of anything
    else. Where values were put in, `written` is what it was before.

    One that stands in the place of another, where a database is adopted, has the checksum `of` that, and a `note` for
    the journal; where there is nothing left to do, it has no text.
    """

    raw: bytes | bytearray
    ordinal: int
    line: int
    directives: tuple[Directive, ...] = ()
    known: str = ""
    written: Written | None = None
    of: bytes = b""
    note: str = ""

    @property
    def text(self) -> str:
        """The statement as text, made anew whenever it is asked for: not for a statement of any length."""
        return self.raw.decode(errors="surrogateescape")

    def head(self, size: int) -> str:
        """The first so many bytes of it, as text."""
        return self.raw[:size].decode(errors="ignore")

    @property
    def kind(self) -> str:
        """Verb and object in small letters: "create table", "insert", "set global"; see `kinds.kind_of`."""
        return self.known or kind_of(self.raw)

    @property
    def names(self) -> tuple[Name, ...]:
        """The objects that it names, in order of appearance; rather one too many than one too few."""
        from schemagate.names import names_of, names_of_short  # a start with nothing to do does not ask

        return names_of(self.raw) if len(self.raw) > SHORT else names_of_short(bytes(self.raw))

    @property
    def checksum(self) -> bytes:
        """SHA-256 of the text as it is written; line endings and white space at the end do not count."""
        if self.of:
            return self.of
        if self.written:
            return self.written.checksum
        if len(self.raw) > LONG:
            return _checksum(self.raw)
        raw = self.raw.rstrip()
        if b"\r" in raw:
            raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return hashlib.sha256(raw).digest()


def _checksum(raw: bytes | bytearray) -> bytes:
    """That of a long statement, without a copy of it. What `split` finds has no white space at its end."""
    total, at = hashlib.sha256(), 0
    while at < len(raw):
        part = raw[at : at + LONG]
        at += len(part)
        if part[-1:] == b"\r" and raw[at : at + 1] == b"\n":
            part = part[:-1]
        total.update(part.replace(b"\r\n", b"\n").replace(b"\r", b"\n"))
    return total.digest()


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


def statements(chunks: Iterable[str], file: str, filler: Filler | None = None) -> Iterator[Statement]:
    """The statements of a file, one after the other; in memory is little more than the one at hand.

    A piece of nothing but comments is not a statement; an executable comment is. Raises MigrationInvalid as `split`
    does, and for a directive that stands before no statement. Without a `filler`, `${` is nothing special.
    """
    reader = _Reader(file, filler)
    # No loop: its variable would keep a statement in memory while the next one is read.
    yield from filter(None, map(reader.read, split(chunks, file)))
    reader.end()


class _Reader:
    """Makes statements of pieces: counts them, and gives them the directives that stand before them."""

    def __init__(self, file: str, filler: Filler | None) -> None:
        self._file, self._filler = file, filler
        self._ordinal = 0
        self._waiting: list[Directive] = []
        self._back: tuple[str, int] | None = None  # where the way back begins, and its line
        self._delimited = 0  # the line where the last delimiter was

    def read(self, piece: Piece) -> Statement | None:
        if piece.kind == "delimiter":
            self._delimited = piece.line + piece.raw.count(b"\n")
            return None
        found = _directives(piece)
        if self._filler:
            self._note_way_back(piece)
        if piece.kind == "statement":
            if self._back:
                raise _takes_back(*self._back, self._file)
            self._ordinal += 1
            directives, self._waiting = (*self._waiting, *found), []
            statement = Statement(piece.raw, self._ordinal, piece.token_line, directives)
            if self._filler and b"${" in piece.raw:
                raw, written = self._filler.fill(piece.raw, piece.line, statement.checksum)
                return statement._replace(raw=raw, written=written)
            return statement
        if self._ordinal and found and found[0].line == self._delimited:
            raise _misplaced(found[0], self._file)
        self._waiting += found
        return None

    def _note_way_back(self, piece: Piece) -> None:
        """Of a migration: does what another tool takes it back by begin in the comments before this statement?"""
        if not any(mark in piece.raw for mark in (b"migrate:", b"+goose", b"+migrate")):
            return
        for kind, lexeme, offset in lexemes(piece.raw):
            if kind not in ("comment", "space"):
                return
            if kind == "comment" and (found := _way_back().match(lexeme)):
                self._back = found[0], piece.line + piece.raw.count(b"\n", 0, offset)

    def end(self) -> None:
        if self._ordinal and self._waiting:
            raise _misplaced(self._waiting[0], self._file)


def file_directives(chunks: Iterable[str], file: str) -> tuple[Directive, ...]:
    """The directives in the head of a file, before the first token; reads no further than the first statement."""
    head: list[Directive] = []
    for piece in split(chunks, file):
        head += [found for found in _directives(piece) if piece.kind == "comment" or found.line < piece.token_line]
        if piece.kind == "statement":
            break
    return tuple(head)


def _directives(piece: Piece) -> list[Directive]:
    raw = piece.raw
    if b"schemagate:" not in raw:  # all that a million statements should pay
        return []
    matches = ((_directive().fullmatch(lexeme), offset) for kind, lexeme, offset in lexemes(raw) if kind == "comment")
    return [
        Directive(
            decoded(found["word"], raw), decoded(found["value"] or "", raw), piece.line + raw.count(b"\n", 0, offset)
        )
        for found, offset in matches
        if found
    ]


@cache
def _directive() -> re.Pattern[str]:
    return re.compile(r"--\s+schemagate:\s*(?P<word>\S+)(?:\s+(?P<value>.*\S))?\s*", re.ASCII)


@cache
def _way_back() -> re.Pattern[str]:
    """The line behind which dbmate, goose and sql-migrate have the second half of a file."""
    return re.compile(r"--\s*(migrate:|\+goose\s+|\+migrate\s+)down\b", re.ASCII | re.IGNORECASE)


def _takes_back(mark: str, line: int, file: str) -> MigrationInvalid:
    return MigrationInvalid(
        f"{file}:{line}: what follows {mark!r} takes back what the file does, and would be run here, too: there is no "
        "way back. Move it to where no migrations are, and start again.",
        file=file,
        line=line,
    )


def _misplaced(directive: Directive, file: str) -> MigrationInvalid:
    return MigrationInvalid(
        f"{file} line {directive.line}: the directive {directive.word} has no statement behind it; "
        "put it on a line of its own before the statement that it is for",
        file=file,
        line=directive.line,
    )
