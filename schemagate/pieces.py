"""A file of SQL in pieces: where the `mysql` and `mariadb` clients would end one statement and begin the next.

It streams, loses nothing, and knows no server: it follows the rules that both flavours share.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from schemagate.errors import MigrationInvalid
from schemagate.lexer import BLANKS, BLOCK_COMMENT, DOLLAR, LETTER, LINE_COMMENT, QUOTED, STRING, lexemes

# So much must be in sight to tell what begins at some place: the word DELIMITER, or `/*M!`.
SIGHT = 32
# What the clients take away at the end of a statement.
TRAILING = "".join(map(chr, range(33))) + "\x7f"


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the file, of the kind "statement", "comment" (and white space) or "delimiter" (and its command).

    `line` is that of the first character; in a statement `token_line` is that of the first token which is no comment.
    """

    kind: str
    text: str
    line: int
    token_line: int = 0


class _Rules:
    """The expressions for one delimiter. All repeats are possessive: linear time, and no memory per repeat."""

    def __init__(self, delimiter: str) -> None:
        self.delimiter = delimiter
        mark, first = re.escape(delimiter), re.escape(delimiter[0])
        blanks = rf"[{BLANKS}]++"
        comment = rf"{LINE_COMMENT}|{BLOCK_COMMENT}"
        # The first character of the delimiter alone. Where it may begin something else, the others know.
        alone = "" if delimiter[0] in "#-/$" else f"|{first}"
        unit = (
            rf"{STRING}|{QUOTED}|{comment}|\\(?:.|\Z)|/(?!\*(?!M?!))|-(?!-[\x00-\x20\x7f]|-\Z)"
            rf"|(?<={LETTER})\$|(?!{DOLLAR})\${alone}"
        )
        flags = re.DOTALL | re.ASCII
        # White space and whole line comments; white space and all comments; a statement, up to its delimiter, or up to
        # a quote or comment that does not end.
        self.lead = re.compile(rf"(?:{blanks}|(?!{mark}){LINE_COMMENT}\n)*+", flags)
        self.skip = re.compile(rf"(?:{blanks}|(?!{mark})(?:{comment}))*+", flags)
        self._plain = re.compile(rf"""(?:[^'"`\#/\-\\${first}]++|(?!{mark})(?:{unit}))*+""", flags)
        self._dollar = re.compile(DOLLAR)

    def stop(self, text: str, start: int) -> tuple[int, bool]:
        """Where a statement that begins at `start` stops, and whether its delimiter is there."""
        while True:
            found = self._plain.match(text, start)
            start = found.end() if found else start
            if text.startswith(self.delimiter, start):
                return start, True
            mark = self._dollar.match(text, start)
            close = text.find(mark[0], mark.end()) if mark else -1
            if mark is None or close < 0:
                return start, False
            start = close + len(mark[0])


_rules = cache(_Rules)


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.DOTALL | re.ASCII)


COMMAND = rf"delimiter(?=[{BLANKS}]|\Z)(?P<argument>[^\n]*+)(?:\n|\Z)"
ARGUMENT = r"(?P<mark>['\"`])(?P<quoted>.+?)(?P=mark).*|(?P<plain>\S+).*"
# How a statement begins that may have a body.
BODY = rf"(?:/\*M?!\d*)?[{BLANKS}]*(?:create|alter|begin|if|case|loop|repeat|while|for)\b"
ESCAPES_OFF = rf"(?:/\*M?!\d*)?[{BLANKS}]*set\b.*\bno_backslash_escapes\b"
OPENED = {"'": "quote", '"': "quote", "`": "backtick", "/": "comment", "$": "dollar quote"}


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
        if before.rpartition("\n")[2].strip(BLANKS) if "\n" in before else before or not self._fresh:
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
        body = self._body(first)
        if body is None:
            stop, found = rules.stop(text, first)
        else:
            stop, found = body[0], body[0] >= 0
        if not found:
            if not self._ended:
                self._grow()
                return []
            self._check_end(first, opened=body is not None and body[1])
            stop = len(text)
        self._check(first, stop)
        token_line = self._line_of(first)
        end = first + len(text[first:stop].rstrip(TRAILING))
        # The clients send nothing of a statement of control characters alone.
        pieces = [self._take("statement", end, token_line) if end > first else self._take("comment", stop)]
        if found:
            pieces.append(self._take("delimiter", stop + len(rules.delimiter)))
        self._fresh = False
        return pieces

    def _body(self, first: int) -> tuple[int, bool] | None:
        if self._rules.delimiter != ";" or not _expression(BODY).match(self._text, first):
            return None
        from schemagate.bodies import body_end  # most files have none

        return body_end(self._text, first)

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
        position, found = self._rules.stop(self._text, first)
        while found:
            position, found = self._rules.stop(self._text, position + len(self._rules.delimiter))
        if position < len(self._text):
            raise self._invalid(f"the {OPENED[self._text[position]]} that begins here does not end", position)
        if opened:
            raise self._invalid("the body of the statement that begins here does not end", first)

    def _line_of(self, position: int) -> int:
        return self._line + self._text.count("\n", self._position, position)

    def _invalid(self, problem: str, position: int) -> MigrationInvalid:
        line = self._line_of(position)
        return MigrationInvalid(f"{self._file} line {line}: {problem}", file=self._file, line=line)
