"""A file of SQL in pieces: where the `mysql` and `mariadb` clients would end one statement and begin the next.

It streams, loses nothing, and knows no server: it follows the rules that both flavours share. In memory is what has
been read and not yet been handed out, as the bytes of its UTF-8: hardly more than the longest statement or comment,
once, because a long one takes with it the memory that it was read into.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple

from schemagate.errors import MigrationInvalid
from schemagate.lexer import BLANKS, BLOCK_COMMENT, DOLLAR, LETTER, LINE_COMMENT, QUOTED, STRING, compiled, lexemes

# So much must be in sight to tell what begins at some place: the word DELIMITER, `/*M!`, or `$word$`.
SIGHT = 80
# What the clients take away at the end of a statement.
TRAILING = bytes(range(33)) + b"\x7f"
# From this length on, in bytes, nothing is copied.
LONG = 1 << 20


class Piece(NamedTuple):
    """A part of the file, of the kind "statement", "comment" (and white space) or "delimiter" (and its command).

    `line` is that of the first character; in a statement `token_line` is that of the first token which is no comment.
    """

    kind: str
    raw: bytes | bytearray
    line: int
    token_line: int = 0

    @property
    def text(self) -> str:
        """The piece as text, made anew whenever it is asked for."""
        return self.raw.decode(errors="surrogateescape")


class _Rules:
    """The expressions for one delimiter. All repeats are possessive: linear time, and no memory per repeat."""

    def __init__(self, delimiter: bytes) -> None:
        self.delimiter = delimiter
        mark, first = re.escape(delimiter.decode()), re.escape(chr(delimiter[0]))
        blanks = rf"[{BLANKS}]++"
        comment = rf"{LINE_COMMENT}|{BLOCK_COMMENT}"
        # The first character of the delimiter alone. Where it may begin something else, the others know.
        alone = "" if delimiter[0] in b"#-/$" else f"|{first}"
        unit = (
            rf"{STRING}|{QUOTED}|{comment}|\\(?:.|\Z)|/(?!\*(?!M?!))|-(?!-[\x00-\x20\x7f]|-\Z)"
            rf"|(?<={LETTER})\$|(?!{DOLLAR})\${alone}"
        )
        flags = re.DOTALL | re.ASCII
        # White space and whole line comments; white space and all comments; some of a statement, up to its delimiter,
        # or up to a quote or comment that does not end, or to anywhere outside of such.
        self.lead = compiled(rf"(?:{blanks}|(?!{mark}){LINE_COMMENT}\n)*+", flags, binary=True)
        self.skip = compiled(rf"(?:{blanks}|(?!{mark})(?:{comment}))*+", flags, binary=True)
        plain = rf"""[^'"`\#/\-\\${first}]{{1,4096}}+"""
        self._some = compiled(rf"(?:{plain}|(?!{mark})(?:{unit})){{0,64}}+", flags, binary=True)
        self._dollar = compiled(DOLLAR, flags, binary=True)

    def stop(self, text: bytes | bytearray, start: int) -> tuple[int, bool, int]:
        """Where a statement that begins at `start` stops, and whether its delimiter is there.

        Last comes from where to look again when more of the file has been read: what is before is settled.
        """
        settled = start
        while True:
            found = self._some.match(text, start)
            end = found.end() if found else start
            if text.startswith(self.delimiter, end):
                return end, True, end
            if end == start:
                mark = self._dollar.match(text, start)
                close = text.find(mark[0], mark.end()) if mark else -1
                if mark is None or close < 0:
                    return start, False, settled
                end = close + len(mark[0])
            if end + SIGHT <= len(text):
                settled = end
            start = end


_rules = cache(_Rules)


@cache
def _expression(pattern: str) -> re.Pattern[Any]:
    return compiled(pattern, re.IGNORECASE | re.DOTALL | re.ASCII, binary=True)


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
        pieces.reverse()
        while pieces:
            yield pieces.pop()  # and keep none: a long one is to be gone before the next is read


class _Splitter:
    """The part of a file that is in memory, how far it has been split, and by which rules."""

    def __init__(self, chunks: Iterable[str], file: str) -> None:
        self._chunks = iter(chunks)
        self._file = file
        self._text: bytes | bytearray = b""
        self._ended = False  # is the end of the text that of the file?
        self._position = 0
        self._settled = 0  # up to here there is no delimiter of the statement at `position`
        self._line = 1
        self._fresh = True  # does a line begin at `position`, but for blanks?
        self._rules = _rules(b";")

    def step(self) -> list[Piece] | None:
        """Some more pieces; None at the end of the file. An empty list: more had to be read first."""
        pieces: list[Piece] = []
        rules = self._rules
        lead = rules.lead.match(self._text, self._position)
        if lead and lead.end() > self._position:
            pieces.append(piece := self._take("comment", lead.end()))
            self._fresh = self._fresh or b"\n" in piece.raw
        text = self._text
        skipped = rules.skip.match(text, self._position)
        first = skipped.end() if skipped else self._position
        if not self._ended and len(text) - first < SIGHT:
            self._grow((len(text) - self._position) // 8)
        elif first == len(text):
            if first == self._position:
                return pieces or None
            pieces.append(self._take("comment", first))
        elif text.startswith(rules.delimiter, first):
            pieces += self._skip_to(first)
            pieces.append(self._take("delimiter", self._position + len(rules.delimiter)))
            self._fresh = False
        elif text[first] in b"dD" and (command := _expression(COMMAND).match(text, first)):
            pieces += self._command(first, command)
        else:
            pieces += self._statement(first)
        return pieces

    def _take(self, kind: str, end: int, token_line: int = 0) -> Piece:
        start, raw = self._position, self._text
        if end - start > LONG and isinstance(raw, bytearray):
            self._text = bytes(memoryview(raw)[end:])
            del raw[end:], raw[:start]
            end = 0
        else:
            raw = raw[start:end]
        self._position = self._settled = end
        line = self._line
        self._line = line + raw.count(b"\n")
        return Piece(kind, raw, line, token_line)

    def _skip_to(self, first: int) -> list[Piece]:
        """The comments before `first`, where no statement follows that they could belong to."""
        return [self._take("comment", first)] if first > self._position else []

    def _grow(self, wanted: int) -> None:
        """Let go of what has been split, and read on: `wanted` bytes at least, and one at any rate.

        To want a part of what has to be looked at again keeps the time linear, however small the chunks are.
        """
        settled = max(0, self._settled - self._position)
        if len(self._text) - self._position + wanted < LONG:
            self._text = b"".join([memoryview(self._text)[self._position :], *self._read(wanted)])
        else:
            if isinstance(self._text, bytes):
                self._text = bytearray(self._text)
            del self._text[: self._position]
            for chunk in self._read(wanted):
                self._text += chunk
        self._position, self._settled = 0, settled

    def _read(self, wanted: int) -> Iterator[bytes]:
        for chunk in self._chunks:
            yield chunk.encode(errors="surrogateescape")
            wanted -= len(chunk)
            if wanted < 0:
                return
        self._ended = True

    def _command(self, first: int, command: re.Match[bytes]) -> list[Piece]:
        """DELIMITER, which the clients know at the begin of a line and of a statement alone."""
        if not self._ended and command.end() == len(self._text):
            self._grow(len(self._text) - first)
            return []
        before = self._text[self._position : first]
        if before.rpartition(b"\n")[2].strip() if b"\n" in before else before or not self._fresh:
            raise self._invalid("DELIMITER must be the first word of its line", first)
        argument = _expression(ARGUMENT).fullmatch(command["argument"].strip())
        delimiter = (argument["quoted"] or argument["plain"]) if argument else b""
        if not 1 <= len(delimiter) <= 15 or not delimiter.isascii() or re.search(rb"[\\'\"`\x00-\x20]", delimiter):
            raise self._invalid(
                "DELIMITER needs up to 15 characters of ASCII, without quotes, backslashes and blanks", first
            )
        width = command.end() - first
        pieces = [*self._skip_to(first), self._take("delimiter", self._position + width)]
        self._rules, self._fresh = _rules(delimiter), True
        return pieces

    def _statement(self, first: int) -> list[Piece]:
        text, rules = self._text, self._rules
        body = self._body(first)
        if body is None:
            stop, found, self._settled = rules.stop(text, max(first, self._settled))
        else:
            stop, found = body[0], body[0] >= 0
        if not found:
            if not self._ended:
                self._grow((len(text) - self._settled) // 8 if body is None else len(text) - first)
                return []
            self._check_end(first, opened=body is not None and body[1])
            stop = len(text)
        self._check(first, stop)
        token_line = self._line_of(first)
        end = stop if text[stop - 1] not in TRAILING else _trimmed(text, first, stop)
        # The clients send nothing of a statement of control characters alone.
        gap = stop - end if end > first else 0
        pieces = [self._take("statement", end, token_line) if end > first else self._take("comment", stop)]
        if found:
            pieces.append(self._take("delimiter", self._position + gap + len(rules.delimiter)))
        self._fresh = False
        return pieces

    def _body(self, first: int) -> tuple[int, bool] | None:
        if self._rules.delimiter != b";" or not _expression(BODY).match(self._text, first):
            return None
        from schemagate.bodies import body_end  # most files have none

        return body_end(self._text, first)

    def _check(self, first: int, stop: int) -> None:
        """What would make the server read on where we stop, or read quotes in another way."""
        if self._text.find(b"/*!", first, stop) >= 0 or self._text.find(b"/*M!", first, stop) >= 0:
            last = ("hint", "*/", stop)
            for found in lexemes(self._text, first, stop):
                last = found if found[0] == "hint" else last
            if last[1] != "*/":
                raise self._invalid("the executable comment does not end before its statement does", last[2])
        if self._text[first] in b"sS/" and _expression(ESCAPES_OFF).match(self._text, first, stop):
            raise self._invalid(
                "NO_BACKSLASH_ESCAPES changes where a string ends, so that the file could not be split safely; "
                "leave that mode to the server's configuration",
                first,
            )

    def _check_end(self, first: int, opened: bool) -> None:
        """The file ends in a statement: may it end here?"""
        position, found, _ = self._rules.stop(self._text, first)
        while found:
            position, found, _ = self._rules.stop(self._text, position + len(self._rules.delimiter))
        if position < len(self._text):
            raise self._invalid(f"the {OPENED[chr(self._text[position])]} that begins here does not end", position)
        if opened:
            raise self._invalid("the body of the statement that begins here does not end", first)

    def _line_of(self, position: int) -> int:
        return self._line + self._text.count(b"\n", self._position, position)

    def _invalid(self, problem: str, position: int) -> MigrationInvalid:
        line = self._line_of(position)
        return MigrationInvalid(f"{self._file} line {line}: {problem}", file=self._file, line=line)


def _trimmed(text: bytes | bytearray, start: int, stop: int) -> int:
    """Where what is between the two ends without what the clients take away."""
    while stop > start:
        tail = text[max(start, stop - 64) : stop]
        kept = len(tail.rstrip(TRAILING))
        stop -= len(tail) - kept
        if kept:
            break
    return stop
