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

from schemagate.bodies import body_end
from schemagate.errors import MigrationInvalid
from schemagate.kinds import has_body, kind_of
from schemagate.lexer import BLANKS, BLOCK_COMMENT, LINE_COMMENT, QUOTED, STRING, Token, lexemes, quote, tokens, unquote
from schemagate.names import Name, Qualifier, names_of, qualifiers

__all__ = [
    "Directive",
    "Name",
    "Piece",
    "Qualifier",
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

# So much must be in sight to tell what begins at some place: the word DELIMITER, or `/*M!`.
SIGHT = 32


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
        """The objects that it names, in order, each once; rather one too many than one too few."""
        return names_of(self.text)

    @property
    def checksum(self) -> bytes:
        """SHA-256 of the text; line endings and white space at the end do not count."""
        text = self.text.rstrip(BLANKS)
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        return hashlib.sha256(text.encode()).digest()


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the file, of the kind "statement", "comment" (and white space) or "delimiter" (and its command).

    `line` is that of the first character; in a statement `token_line` is that of the first token which is no comment.
    """

    kind: str
    text: str
    line: int
    token_line: int = 0


def decode(raw_chunks: Iterable[bytes], file: str) -> Iterator[str]:
    """The text of a UTF-8 file, a byte order mark dropped; bad bytes and NUL are MigrationInvalid, with their line.

    Where the first line ends with a carriage return alone, each of these becomes a line feed: to the server, as to
    `split`, a comment ends at a line feed only, and would swallow the rest of such a file.
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    line, held, ending, translator = 1, "", "", io.IncrementalNewlineDecoder(None, translate=True)
    for raw in chain(filter(None, raw_chunks), (b"",)):
        try:
            text = held + decoder.decode(raw, final=not raw)
        except UnicodeDecodeError as error:
            line += held.count("\n") + error.object[: error.start].count(b"\n")
            raise MigrationInvalid(f"{file} line {line} is not UTF-8; save it so", file=file, line=line) from None
        if "\0" in text:
            line += text.count("\n", 0, text.index("\0"))
            raise MigrationInvalid(f"{file} line {line} has a NUL character; take it out", file=file, line=line)
        if not ending:
            found = _ending().search(text)
            held = text if raw and found and found.end() == len(text) and found[0] == "\r" else ""
            if held:  # a line feed may come next
                continue
            ending = found[0] if found else ""
        if ending == "\r":
            text = translator.decode(text, final=not raw)
        line += text.count("\n")
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


@dataclass(frozen=True, slots=True)
class _Rules:
    """The expressions for one delimiter. All repeats are possessive: linear time, and no memory per repeat."""

    delimiter: str
    lead: re.Pattern[str]  # white space and line comments
    skip: re.Pattern[str]  # white space and all comments
    plain: re.Pattern[str]  # a statement up to its delimiter, if that is found


@cache
def _rules(delimiter: str) -> _Rules:
    mark, first = re.escape(delimiter), re.escape(delimiter[0])
    # The first character of a delimiter alone; where it can also begin a comment, the other alternatives know.
    alone = "" if first in (r"\#", r"\-", "/") else f"|{first}"
    unit = (
        rf"{STRING}|{QUOTED}|{LINE_COMMENT}|{BLOCK_COMMENT}|\\(?:.|\Z)|/(?!\*(?!M?!))|-(?!-[\x00-\x20\x7f]|-\Z){alone}"
    )
    flags = re.DOTALL | re.ASCII
    return _Rules(
        delimiter,
        re.compile(rf"(?:[{BLANKS}]++|(?!{mark}){LINE_COMMENT}\n)*+", flags),
        re.compile(rf"(?:[{BLANKS}]++|(?!{mark})(?:{LINE_COMMENT}|{BLOCK_COMMENT}))*+", flags),
        re.compile(rf"""(?:[^'"`\#/\-\\{first}]++|(?!{mark})(?:{unit}))*+(?P<delimiter>{mark})?""", flags),
    )


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.DOTALL | re.ASCII)


COMMAND = rf"delimiter(?=[{BLANKS}]|\Z)(?P<argument>[^\n]*+)(?:\n|\Z)"
ARGUMENT = r"(?P<mark>['\"`])(?P<quoted>.+?)(?P=mark).*|(?P<plain>\S+).*"
# How a statement begins that may have a body; a word with a colon is a label.
BODY = rf"(?:/\*M?!\d*)?[{BLANKS}]*(?:(?:create|alter|begin|if|case|loop|repeat|while|for)\b|[\w$`]+[{BLANKS}]*:(?!=))"
ESCAPES_OFF = rf"(?:/\*M?!\d*)?[{BLANKS}]*set\b.*\bno_backslash_escapes\b"
OPENED = {"'": "quote", '"': "quote", "`": "backtick", "/": "comment"}


def split(chunks: Iterable[str], file: str) -> Iterator[Piece]:
    """All of a file in pieces: joined, they are the file. `file` is for messages alone.

    The pieces of kind "statement" are what the clients send, see `Statement`. Where the chunks end does not matter.
    Raises MigrationInvalid, with file and line, for a quote, comment or body that does not end, a DELIMITER command
    that the clients would not understand, and a SET of NO_BACKSLASH_ESCAPES, which would change what a quote is.
    """
    splitter = _Splitter(chunks, file)
    while (pieces := splitter.step()) is not None:
        yield from pieces


class _Splitter:
    """The part of a file that is in memory, how far it has been split, and by which rules."""

    def __init__(self, chunks: Iterable[str], file: str) -> None:
        self._chunks = iter(chunks)
        self._file = file
        self._text = ""
        self._ended = False  # is the end of the text that of the file?
        self._position = 0
        self._line = 1
        self._fresh = True  # does a line begin at `position`, but for blanks?
        self._rules = _rules(";")

    def step(self) -> list[Piece] | None:
        """Some more pieces; None at the end of the file. An empty list: more had to be read first."""
        text, pieces = self._text, []
        lead = self._rules.lead.match(text, self._position)
        if lead and lead.end() > self._position:
            pieces.append(piece := self._take("comment", lead.end()))
            self._fresh = self._fresh or "\n" in piece.text
        skipped = self._rules.skip.match(text, self._position)
        first = skipped.end() if skipped else self._position
        if not self._ended and len(text) - first < SIGHT:
            self._grow()
        elif first == len(text):
            if first == self._position:
                return pieces or None
            pieces.append(self._take("comment", first))
        elif text.startswith(self._rules.delimiter, first):
            pieces += self._skip_to(first)
            pieces.append(self._take("delimiter", first + len(self._rules.delimiter)))
            self._fresh = False
        elif text[first] in "dD" and (command := _expression(COMMAND).match(text, first)):
            pieces += self._command(first, command)
        else:
            pieces += self._statement(first)
        return pieces

    def _take(self, kind: str, end: int, token_line: int = 0) -> Piece:
        piece = Piece(kind, self._text[self._position : end], self._line, token_line)
        self._line += piece.text.count("\n")
        self._position = end
        return piece

    def _skip_to(self, first: int) -> list[Piece]:
        """The comments before `first`, where no statement follows that they could belong to."""
        return [self._take("comment", first)] if first > self._position else []

    def _grow(self) -> None:
        """Let go of what has been split and read on.

        The rest is doubled at least: a statement is looked at from its begin again after each time, and so twice on
        average, however long it is and however small the chunks are.
        """
        parts = [self._text[self._position :]]
        wanted = len(parts[0])
        for chunk in self._chunks:
            parts.append(chunk)
            wanted -= len(chunk)
            if wanted < 0:
                break
        else:
            self._ended = True
        self._text, self._position = "".join(parts), 0

    def _command(self, first: int, command: re.Match[str]) -> list[Piece]:
        """DELIMITER, which the clients know at the begin of a line and of a statement alone."""
        if not self._ended and command.end() == len(self._text):
            self._grow()
            return []
        before = self._text[self._position : first]
        if ("\n" not in before and not (self._fresh and before == "")) or before.rpartition("\n")[2].strip(BLANKS):
            raise self._invalid("DELIMITER must be the first word of its line", first)
        argument = _expression(ARGUMENT).fullmatch(command["argument"].strip(BLANKS))
        delimiter = (argument["quoted"] or argument["plain"]) if argument else ""
        if not 1 <= len(delimiter) <= 15 or not delimiter.isascii() or re.search(r"[\\'\"`\x00-\x20]", delimiter):
            raise self._invalid(
                "DELIMITER needs up to 15 characters of ASCII, without quotes, backslashes and blanks", first
            )
        pieces = [*self._skip_to(first), self._take("delimiter", command.end())]
        self._rules, self._fresh = _rules(delimiter), True
        return pieces

    def _statement(self, first: int) -> list[Piece]:
        text, rules = self._text, self._rules
        body = body_end(text, first) if rules.delimiter == ";" and _expression(BODY).match(text, first) else None
        if body is None:
            plain = rules.plain.match(text, first)
            stop = plain.start("delimiter") if plain else -1
        else:
            stop = body[0]
        if stop < 0:
            if not self._ended:
                self._grow()
                return []
            self._check_end(first, opened=body is not None and body[1])
            stop = len(text)
        self._check(first, stop)
        token_line = self._line_of(first)
        blanks = stop - len(text[first:stop].rstrip(BLANKS)) - first
        pieces = [self._take("statement", stop - blanks, token_line)]
        if stop < len(text):
            pieces.append(self._take("delimiter", stop + len(rules.delimiter)))
        self._fresh = False
        return pieces

    def _check(self, first: int, stop: int) -> None:
        """What would make the server read on where we stop, or read quotes in another way."""
        if self._text.find("/*!", first, stop) >= 0 or self._text.find("/*M!", first, stop) >= 0:
            hints = [found for found in lexemes(self._text[first:stop]) if found[0] == "hint"]
            if hints and hints[-1][1] != "*/":
                raise self._invalid(
                    "the executable comment does not end before its statement does", hints[-1][2] + first
                )
        if self._text[first] in "sS/" and _expression(ESCAPES_OFF).match(self._text, first, stop):
            raise self._invalid(
                "NO_BACKSLASH_ESCAPES changes where a string ends, so that the file could not be split safely; "
                "leave that mode to the server's configuration",
                first,
            )

    def _check_end(self, first: int, opened: bool) -> None:
        """The file ends in a statement: may it end here?"""
        position = first
        while (plain := self._rules.plain.match(self._text, position)) and plain["delimiter"]:
            position = plain.end()
        if plain and plain.end() < len(self._text):
            raise self._invalid(f"the {OPENED[self._text[plain.end()]]} that begins here does not end", plain.end())
        if opened:
            raise self._invalid("the body of the statement that begins here does not end", first)

    def _line_of(self, position: int) -> int:
        return self._line + self._text.count("\n", self._position, position)

    def _invalid(self, problem: str, position: int) -> MigrationInvalid:
        line = self._line_of(position)
        return MigrationInvalid(f"{self._file} line {line}: {problem}", file=self._file, line=line)
