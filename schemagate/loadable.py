"""The text of SHOW CREATE TABLE as it can be run in any schema of the same server, and written to a file."""

from __future__ import annotations

import re

from schemagate.lexer import lexemes, quote
from schemagate.literals import as_bytes

# On one line: where a comment or a default has line ends, servers write them as \n.
_NAME = "`(?:[^`]|``)+`"
_NAMES = rf"\({_NAME}(?:, {_NAME})*\)"
_KEY = re.compile(rf"CONSTRAINT {_NAME} FOREIGN KEY {_NAMES} REFERENCES {_NAME}(?:\.{_NAME})? {_NAMES}")
_BARE = re.compile(r"(?<=^  )CONSTRAINT `(.+)` FOREIGN KEY \(`(.+)`\) REFERENCES `(.+)` \(`(.+)`\)", re.MULTILINE)


def loadable_table(text: str, database: str) -> str:
    """The text of SHOW CREATE TABLE as it can be run in any schema: without AUTO_INCREMENT=n and the schema's own name.

    Servers write a literal of another character set, and MariaDB 10.11 a binary default, as the bytes that it is. Where
    these are no UTF-8 they become X'…' here, which means the same and can be written to a file.
    """
    own, text = quote(database), _BARE.sub(_with_names_doubled, text)
    if " AUTO_INCREMENT=" not in text and f"{own}." not in text and text.isascii():
        return text
    found = [*lexemes(text), ("", "", len(text))]
    out: list[str] = []
    depth = skip = 0
    for at, (kind, lexeme, _) in enumerate(found[:-1]):
        if skip:
            skip -= 1
            continue
        if kind == "punctuation":
            depth += (lexeme == "(") - (lexeme == ")")
        if kind == "quoted" and lexeme == own and found[at + 1][1] == ".":
            skip = 1
        elif kind == "word" and depth == 0 and lexeme == "AUTO_INCREMENT" and found[at + 1][1] == "=":
            skip = 3  # `=`, the number, and the blank behind it
        elif kind == "string" and not _is_text(lexeme):
            out.append(f"{' ' if found[at - 1][1][:1] == '_' else ''}X'{as_bytes(lexeme).hex()}'")
        else:
            out.append(lexeme)
    return "".join(out)


def _with_names_doubled(found: re.Match[str]) -> str:
    """A foreign key with the backticks in its names doubled, as MariaDB 10.11 alone forgets to: it cannot load that."""
    if _KEY.match(found[0]):
        return found[0]
    name, columns, parent, theirs = ("`" + each.replace("`", "``") + "`" for each in found.groups())
    columns, theirs = (each.replace("``, ``", "`, `") for each in (columns, theirs))
    parent = parent.replace("``.``", "`.`")
    return f"CONSTRAINT {name} FOREIGN KEY ({columns}) REFERENCES {parent} ({theirs})"


def _is_text(lexeme: str) -> bool:
    return not any("\udc80" <= letter <= "\udcff" for letter in lexeme)
