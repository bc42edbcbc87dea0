"""SQL text as tokens, by the rules that the servers of MySQL and MariaDB share.

White space is ASCII alone and a `-- ` comment needs a blank or control character behind it, as on the server. What is
inside an executable comment (`/*! … */`, `/*M! … */`) is code here, whatever version it asks for: its opening and its
closing are tokens of the kind "hint". Double quotes are strings: nobody here knows of ANSI_QUOTES.

Text may also come as the bytes of its UTF-8, which is how files are read: a statement of many megabytes is in memory
once then, however wide its characters are. All that the syntax knows is ASCII, so that both are cut at the same places.
Of bytes, lexemes are Latin-1, a character for each byte; `decoded` and `name_of` say what they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from schemagate.values import Value

Text = str | bytes | bytearray
BLANKS = " \t\n\v\f\r"
STRING = r"""'[^'\\]*+(?:(?:\\.|'')[^'\\]*+)*+'|"[^"\\]*+(?:(?:\\.|"")[^"\\]*+)*+\""""
QUOTED = r"`[^`]*+(?:``[^`]*+)*+`"
LINE_COMMENT = r"(?:\#|--(?=[\x00-\x20\x7f]|\Z))[^\n]*+"
# The first line of a dump by MariaDB's client, which its client takes for a command and no server runs.
SANDBOX = r"/\*M?!999999\\-[^*]{0,60}+\*/"
BLOCK_COMMENT = rf"(?:{SANDBOX}|/\*(?!M?!)[^*]*+(?:\*(?!/)[^*]*+)*+\*/)"
# Letters, digits, `$`, `_` and all beyond ASCII.
LETTER = r"[0-9A-Za-z_$\x80-\U0010ffff]"
# What MySQL 9 writes around the source of routines in other languages: `$$ … $$`, or a word between the dollars. To
# MariaDB it would be an odd name, which nobody has without backticks.
DOLLAR = r"\$[0-9A-Za-z_\x80-\U0010ffff]*+\$"
DOLLARS = rf"(?P<dollars>{DOLLAR}).*?(?P=dollars)"

# Of bytes, a lexeme is given up to here: nobody reads on in a string of megabytes, and it would be there twice.
LONGEST = 1 << 16
SEEN = 2000
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


def lexemes(text: Text, start: int = 0, stop: int | None = None) -> Iterator[tuple[str, str, int]]:
    """What `tokens` finds from `start` on, up to `stop` if that is given, as plain (kind, text, offset)."""
    match = _master(not isinstance(text, str)).match
    position, end, hinted = start, len(text) if stop is None else stop, False
    while position < end:
        found = match(text, position, end)
        assert found is not None and found.lastgroup is not None, position  # noqa: PT018, S101 - "punctuation" takes any character
        kind, following = found.lastgroup, found.end()
        if isinstance(text, str):
            lexeme = found[0]
        else:
            lexeme = text[position : min(following, position + LONGEST)].decode("latin-1")
        if kind == "hint":
            if lexeme != "*/":
                hinted = True
            elif hinted:
                hinted = False
            else:  # an asterisk, and a slash which may well begin a comment
                kind, lexeme, following = "punctuation", "*", position + 1
        yield kind, lexeme, position
        position = following


def significant(text: Text, start: int = 0) -> Iterator[tuple[str, str, int]]:
    """The lexemes that the server's parser sees, words of ASCII in capitals: no white space, comments and hints."""
    for kind, lexeme, offset in lexemes(text, start):
        if kind not in ("space", "comment", "hint"):
            yield kind, capitals(lexeme) if kind == "word" else lexeme, offset


def capitals(word: str) -> str:
    """A word in capitals, if it is of ASCII alone, as the words of the language are."""
    return word.upper() if word.isascii() else word


def compiled(expression: str, flags: int, binary: bool) -> re.Pattern[Any]:
    """A regular expression made of the pieces above: for the bytes of UTF-8, or for text."""
    if binary:
        return re.compile(expression.replace(r"\U0010ffff", r"\xff").encode(), flags)
    return re.compile(expression, flags)


@cache
def _master(binary: bool) -> re.Pattern[Any]:
    return compiled(
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
        binary,
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


def decoded(lexeme: str, text: Text) -> str:
    """A lexeme of `text`, or a part of one, as what it says in UTF-8."""
    return lexeme if isinstance(text, str) or lexeme.isascii() else lexeme.encode("latin-1").decode()


def name_of(lexeme: str, text: Text) -> str:
    """The name meant by a lexeme of `text`."""
    return decoded(unquote(lexeme), text)


def beginning(text: str) -> str:
    """The beginning of a statement that some session runs, without what is in its strings.

    That is not ours to tell; and where it is cut, a part of a secret could be left which nobody knows for one.
    """
    parts = ("'…'" if kind == "string" else lexeme for kind, lexeme, _ in lexemes(text[:SEEN]))
    return "".join(parts)[:200]


def words(text: str) -> frozenset[str]:
    """The words of a text as a set, so that tables of keywords can be read."""
    return frozenset(text.split())


def quote(name: str) -> str:
    """An identifier in backticks, safe whatever is in it."""
    return "`" + name.replace("`", "``") + "`"
