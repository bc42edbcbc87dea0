"""Text that a server wrote, as the tokens that count: what `clauses` and `programs` make normal forms of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from schemagate.lexer import lexemes, unquote

Lexeme = tuple[str, str]  # kind and text

# The introducers of character sets that Python knows as MySQL does; in the wide ones ASCII is not the bytes of ASCII.
WIDE = {"_ucs2": "utf-16-be", "_utf16": "utf-16-be", "_utf16le": "utf-16-le", "_utf32": "utf-32-be"}
UNICODE = {**WIDE, "_utf8mb3": "utf-8", "_utf8mb4": "utf-8", "_latin1": "cp1252"}
ESCAPED = {"'": "\\'", "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\0": "\\0"}


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
            found.append((kind, today(lexeme)))
        elif kind == "string":
            string = _without_introducer(found, lexeme)
            if found and found[-1][1] == "x":  # MariaDB writes it so for a default, and large everywhere else
                found[-1] = ("word", "X")
            found.append((kind, string))
        else:
            found.append((kind, lexeme))
    return found


def joined(found: Iterable[Lexeme]) -> str:
    """Tokens as text."""
    return "".join(lexeme for _, lexeme in found).strip()


def without_space(found: Iterable[Lexeme]) -> list[Lexeme]:
    """Tokens without white space."""
    return [each for each in found if each[0] != "space"]


def divide(found: Sequence[Lexeme]) -> tuple[list[list[Lexeme]], list[Lexeme]]:
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


def next_word(found: Sequence[Lexeme]) -> str:
    return next((text.lower() for kind, text in found if kind != "space"), "")


def take(found: list[Lexeme], count: int) -> tuple[list[Lexeme], list[Lexeme]]:
    """The first `count` tokens that are no white space, with the blanks before them; and the rest."""
    for at, (kind, _) in enumerate(found):
        count -= kind != "space"
        if count == 0:
            return found[: at + 1], found[at + 1 :]
    return found, []


def closing(found: Sequence[Lexeme]) -> int:
    depth = 0
    for at, (kind, text) in enumerate(found):
        if kind == "punctuation":
            depth += (text == "(") - (text == ")")
            if depth == 0:
                return at
    return len(found) - 1


def today(word: str) -> str:
    """The name of a character set or collation as servers write it now: `utf8` is `utf8mb3`."""
    lower = word.lower()
    if lower in ("utf8", "_utf8") or lower.startswith("utf8_"):
        return lower.replace("utf8", "utf8mb3", 1)
    return word


def as_bytes(string: str) -> bytes:
    """The bytes that a string token stands for."""
    return unquote(string).encode(errors="surrogateescape")


def _without_introducer(found: list[Lexeme], string: str) -> str:
    """A string token, and the introducer of its character set taken away from before it where that is no loss.

    MySQL rewrites the character sets of literals at any ALTER TABLE: _utf8mb4'x' becomes _latin1'x' in an expression
    with a column in latin1. What such a literal says is the same.
    """
    words = [text.lower() for _, text in found[-3:]]
    hexadecimal = words[-2:] == [" ", "x"]
    introducer = "".join(words[:-2] if hexadecimal else words[-1:])
    if introducer[:1] != "_" or introducer == "_binary":
        return string
    if hexadecimal or introducer in WIDE or not string.isascii():
        content = bytes.fromhex(unquote(string)) if hexadecimal else as_bytes(string)
        try:
            said = content.decode(UNICODE[introducer])
        except (KeyError, UnicodeDecodeError):
            return string
        string = "'" + "".join(ESCAPED.get(letter, letter) for letter in said) + "'"
    del found[-3 if hexadecimal else -1 :]
    return string
