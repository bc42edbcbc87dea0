"""What a file tells schemagate in its comments: is it a word, is it in its place, and is what it names there? Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemagate.errors import MigrationInvalid
from schemagate.sql import COMPATIBLE, DIRECTIVES

if TYPE_CHECKING:
    from collections.abc import Set

    from schemagate.sql import Statement


def know(statement: Statement, file: str) -> None:
    """What is misspelt would be heeded by nobody."""
    for directive in statement.directives:
        if directive.word not in DIRECTIVES:
            raise MigrationInvalid(
                f"{file}:{directive.line}: {directive.word!r} is not a word that a file can tell schemagate; it knows "
                f"{', '.join(sorted(DIRECTIVES))}.",
                file=file,
                line=directive.line,
                ordinal=statement.ordinal,
            )


def keeps_working(statement: Statement, file: str, earlier: Set[str]) -> str | None:
    """The migration whose code the file declares that it keeps working. One that is misspelt would let the wrong code
    through, and one in the middle of a file would speak of half a file.
    """
    said = [directive for directive in statement.directives if directive.word == COMPATIBLE]
    if not said:
        return None
    name, problem = said[0].value.removesuffix(".sql"), ""
    if statement.ordinal != 1 or len(said) > 1:
        problem = "is said once, before the first statement: it is about the whole file"
    elif not name:
        problem = "names a migration: the newest that older code may know and still work after this one"
    elif name not in earlier:
        problem = f"names a migration before this one, and there is no {name}"
    if problem:
        raise MigrationInvalid(
            f"{file}:{said[-1].line}: {COMPATIBLE} {problem}.",
            file=file,
            line=said[-1].line,
            ordinal=statement.ordinal,
        )
    return name
