"""Text that a server wrote, as the tokens that count: what `clauses` and `programs` make normal forms of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from schemagate.lexer import lexemes
from schemagate.literals import Lexeme, without_introducer


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
            string = without_introducer(found, lexeme)
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
