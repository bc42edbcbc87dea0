"""Executable comments, `/*! … */` and `/*M! … */`: which of them does a server run?"""

from __future__ import annotations

from collections.abc import Sequence

from schemagate.lexer import Text, lexemes

# MariaDB takes these for comments with what only later MySQL can do:
# https://mariadb.com/docs/server/reference/sql-structure/comment-syntax
ONLY_MYSQL = range(50_700, 100_000)


def runs(text: Text, flavour: str, number: Sequence[int]) -> bool:
    """Does a server of this flavour and version run anything of a statement that begins in such a comment?

    True for any other statement. Where the comment ends before the statement does, the rest is run anyway, and is not
    asked for here.
    """
    begins = next((each for each in lexemes(text) if each[0] not in ("space", "comment")), ("", "", 0))
    return begins[0] != "hint" or _is_code(begins[1], flavour, number)


def _is_code(opening: str, flavour: str, number: Sequence[int]) -> bool:
    for_mariadb = opening.startswith("/*M")
    digits = opening.removeprefix("/*").removeprefix("M").removeprefix("!")
    if for_mariadb and flavour == "mysql":
        return False
    if not digits:
        return True
    if flavour == "mariadb" and not for_mariadb and int(digits) in ONLY_MYSQL:
        return False
    major, minor, patch, *_ = (*number, 0, 0, 0)
    return int(digits) <= major * 10_000 + minor * 100 + patch
