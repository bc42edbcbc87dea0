"""What a literal says, whatever character set MySQL writes it in."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from schemagate.lexer import unquote

Lexeme = tuple[str, str]  # kind and text

# The introducers of character sets that Python knows as MySQL does; in the wide ones ASCII is not the bytes of ASCII.
WIDE = {"_ucs2": "utf-16-be", "_utf16": "utf-16-be", "_utf16le": "utf-16-le", "_utf32": "utf-32-be"}
UNICODE = {**WIDE, "_utf8mb3": "utf-8", "_utf8mb4": "utf-8", "_latin1": "cp1252"}
ESCAPED = {"'": "\\'", "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\0": "\\0"}

# What these make of bytes is bytes; and words before parentheses that make nothing of what is in them.
KEEPING_BYTES = frozenset(
    {
        "substr", "substring", "left", "right", "concat", "concat_ws", "coalesce", "ifnull", "nullif", "trim",
        "ltrim", "rtrim", "replace", "reverse", "lower", "upper", "lcase", "ucase", "greatest", "least",
        "lpad", "rpad", "repeat", "insert", "and", "or", "not", "xor", "in", "as", "check", "when", "then",
        "else", "case", "like", "between", "key", "index",
    }
)  # fmt: skip


def as_bytes(string: str) -> bytes:
    """The bytes that a string token stands for."""
    return unquote(string).encode(errors="surrogateescape")


def without_introducer(found: list[Lexeme], string: str) -> str:
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


def without_binary(found: Sequence[Lexeme], columns: Collection[str]) -> list[Lexeme]:
    """The tokens of a clause, without the introducer of literals that stand beside one of these columns, of bytes, and
    beside no other.

    MySQL writes _binary'x' for _utf8mb4'x' there after any ALTER TABLE. It is the same, since the column makes bytes of
    it; beside a column of text, or alone in a function, it is not.
    """
    opened: list[int] = []
    groups: list[int] = []  # by token: where the innermost parentheses around it begin; -1 where there are none
    beside: dict[int, set[str]] = {}  # by the place of parentheses: the columns in them, as they are
    for at, (kind, lexeme) in enumerate(found):
        if (kind, lexeme) == ("punctuation", ")") and opened:
            opened.pop()
        groups.append(opened[-1] if opened else -1)
        if (kind, lexeme) == ("punctuation", "("):
            # What is IN a list is held against what stands before it.
            opened.append(opened[-1] if opened and _before(found, at) == "in" else at)
        elif kind == "quoted":
            for place in reversed(opened):
                beside.setdefault(place, set()).add(lexeme)
                if found[place - 1][0] == "word" and _before(found, place) not in KEEPING_BYTES:
                    break  # what this function makes of a column is no column of bytes
    strings = [kind == "string" for kind, _ in (*found[1:], ("", ""))]
    return [
        lexeme
        for lexeme, group, string in zip(found, groups, strings, strict=True)
        if not (string and lexeme[1] == "_binary" and group in beside and beside[group] <= {*columns})
    ]


def _before(found: Sequence[Lexeme], at: int) -> str:
    return next((lexeme.lower() for kind, lexeme in reversed(found[:at]) if kind != "space"), "")
