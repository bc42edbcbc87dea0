"""SQL text as tokens, by the rules that the servers of MySQL and MariaDB share.

White space is ASCII alone and a `-- ` comment needs a blank or control character behind it, as on the server. What is
inside an executable comment (`/*! … */`, `/*M! … */`) is code here, whatever version it asks for: its opening and its
closing are tokens of the kind "hint". Double quotes are strings: nobody here knows of ANSI_QUOTES.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from schemagate.values import Value

BLANKS = " \t\n\v\f\r"
STRING = r"""'[^'\\]*+(?:(?:\\.|'')[^'\\]*+)*+'|"[^"\\]*+(?:(?:\\.|"")[^"\\]*+)*+\""""
QUOTED = r"`[^`]*+(?:``[^`]*+)*+`"
LINE_COMMENT = r"(?:\#|--(?=[\x00-\x20\x7f]|\Z))[^\n]*+"
BLOCK_COMMENT = r"/\*(?!M?!)[^*]*+(?:\*(?!/)[^*]*+)*+\*/"
# Letters, digits, `$`, `_` and all beyond ASCII.
LETTER = r"[0-9A-Za-z_$\x80-\U0010ffff]"
# What MySQL 9 writes around the source of routines in other languages: `$$ … $$`, or a word between the dollars. To
# MariaDB it would be an odd name, which nobody has without backticks.
DOLLAR = r"\$[0-9A-Za-z_\x80-\U0010ffff]*+\$"
DOLLARS = rf"(?P<dollars>{DOLLAR}).*?(?P=dollars)"

ESCAPES = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a"}


class Token(Value):
    """`kind` is "word", "quoted" (backticks), "string", "number", "punctuation", "comment", "space" or "hint".

    `start` is the offset in the text, `line` counts from 1. `@name` and `@@name` are words, with their `@`.
    """

    kind: str
    text: str
    start: int
    line: int


def tokens(text: str) -> Iterator[Token]:
    """All of `text`, in order: joined, the tokens are the text.

    Never raises: a quote or comment that does not end is one token up to the end.
    """
    line = 1
    for kind, lexeme, start in lexemes(text):
        yield Token(kind, lexeme, start, line)
        line += lexeme.count("\n")


def lexemes(text: str, start: int = 0) -> Iterator[tuple[str, str, int]]:
    """What `tokens` finds from `start` on, as plain (kind, text, offset)."""
    match = _master().match
    position, end, hinted = start, len(text), False
    while position < end:
        found = match(text, position)
        assert found is not None and found.lastgroup is not None, position  # noqa: PT018, S101 - "punctuation" takes any character
        kind, lexeme = found.lastgroup, found[0]
        if kind == "hint":
            if lexeme != "*/":
                hinted = True
            elif hinted:
                hinted = False
            else:  # an asterisk, and a slash which may well begin a comment
                kind, lexeme = "punctuation", "*"
        yield kind, lexeme, position
        position += len(lexeme)


def significant(text: str, start: int = 0) -> Iterator[tuple[str, str, int]]:
    """The lexemes that the server's parser sees, words in capitals: no white space, comments and hints."""
    for kind, lexeme, offset in lexemes(text, start):
        if kind not in ("space", "comment", "hint"):
            yield kind, lexeme.upper() if kind == "word" else lexeme, offset


@cache
def _master() -> re.Pattern[str]:
    return re.compile(
        rf"""
          (?P<space>[{BLANKS}]++)
        | (?P<number>(?:0x[0-9a-fA-F]++|0b[01]++|(?:\d++(?:\.\d*+)?+|\.\d++)(?:[eE][+-]?\d++)?+)(?!{LETTER}))
        | (?P<string>{STRING}|{DOLLARS}|(?:['"]|{DOLLAR}).*+)
        | (?P<word>@{{0,2}}{LETTER}++)
        | (?P<quoted>{QUOTED}|`.*+)
        | (?P<comment>{LINE_COMMENT}|{BLOCK_COMMENT}|/\*(?!M?!).*+)
        | (?P<hint>/\*M?!\d{{0,6}}+|\*/)
        | (?P<punctuation>:=|.)
        """,
        re.VERBOSE | re.DOTALL | re.ASCII,
    )


def unquote(token: str) -> str:
    """The name or value meant by a token: quotes taken away, doubled quotes and escapes resolved."""
    if token[:1] == "`":
        return token[1:-1].replace("``", "`")
    if token[:1] not in ("'", '"'):
        return token
    mark = token[0]

    def resolved(found: re.Match[str]) -> str:
        escaped = found[0][1]
        if found[0][0] == mark or escaped not in "%_":
            return ESCAPES.get(escaped, escaped) if found[0][0] == "\\" else mark
        return found[0]  # `\%` and `\_` stay for LIKE

    return re.sub(rf"\\.|{mark}{mark}", resolved, token[1:-1], flags=re.DOTALL)


def words(text: str) -> frozenset[str]:
    """The words of a text as a set, so that tables of keywords can be read."""
    return frozenset(text.split())


def quote(name: str) -> str:
    """An identifier in backticks, safe whatever is in it."""
    return "`" + name.replace("`", "``") + "`"
