"""What a repeatable migration may hold: what can be run again from its first statement, wherever a start ended in it.

Such a file is run as a whole whenever it has changed, after all that are run once. So nothing has to be found out of a
start that was killed in the middle of one: it is run again. That is safe because of what is refused here.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from schemagate.errors import MigrationInvalid
from schemagate.kinds import DATA
from schemagate.lexer import significant
from schemagate.sql import COMPATIBLE, REPEATABLE

if TYPE_CHECKING:
    from schemagate.names import Name
    from schemagate.sql import Statement

# What holds no data, and can be made anew from its text alone.
MADE = frozenset({"view", "procedure", "function", "trigger", "event"})
# Of the session alone; and rights, which a routine that is dropped takes with it.
HARMLESS = frozenset({"set", "grant"})
HEAD_WORDS = 40  # between CREATE and the name are fewer

ONCE = "it is run again whenever the file changes; put it into a migration of its own, which is run once"
TABLE = "it holds data, and the file is run again whenever it changes; put it into a migration of its own"
FOR_DATA = (
    "the file is run again whenever it changes; put it into a migration of its own or, if it may be run twice, write "
    f"`-- schemagate: {REPEATABLE}` on a line before it"
)
VIEW = "it fails, or does nothing, where the view is there; write CREATE OR REPLACE VIEW"

TEMPLATE = """\
-- Run again as a whole whenever it changes, after all migrations that are run once. What is in it can be run again:

-- CREATE OR REPLACE VIEW … AS SELECT …;

-- DROP PROCEDURE IF EXISTS …;
-- CREATE PROCEDURE …;
"""


class Repeatable:
    """Reads the statements of one such file in order, and says which of them may not be in it."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._dropped: set[tuple[str, Name]] = set()

    def allow(self, statement: Statement, kind: str) -> None:
        """Raise MigrationInvalid, with the way out, for a statement that cannot be run again."""
        reason = self._reason(statement, kind)
        if reason:
            raise MigrationInvalid(
                f"{self._file}:{statement.line}: {kind.upper()} may not be in a repeatable migration: {reason}.",
                file=self._file,
                line=statement.line,
                ordinal=statement.ordinal,
            )

    def _reason(self, statement: Statement, kind: str) -> str | None:
        verb, _, noun = kind.partition(" ")
        if any(each.word == COMPATIBLE for each in statement.directives):
            return f"what it says of older code ({COMPATIBLE}) is asked of migrations that are run once"
        if kind in HARMLESS:
            return None
        if kind in DATA:
            return None if any(each.word == REPEATABLE for each in statement.directives) else FOR_DATA
        if noun in MADE and verb == "drop":
            if not _has_behind(statement, noun, "IF", "EXISTS"):
                return f"it fails where there is none; write DROP {noun.upper()} IF EXISTS"
            self._dropped |= {(noun, name) for name in statement.names}
            return None
        if noun in MADE and verb == "create":
            return self._made(statement, noun)
        return TABLE if noun in ("table", "index", "sequence") or verb == "truncate" else ONCE

    def _made(self, statement: Statement, noun: str) -> str | None:
        key = (noun, statement.names[0]) if statement.names else None
        dropped = key in self._dropped
        self._dropped -= {key} if key else set()
        if _has_behind(statement, noun, "IF", "NOT"):
            return "where it is there, a change of it would do nothing; leave IF NOT EXISTS out"
        if dropped or [word for _, word, _ in islice(significant(statement.raw), 1, 3)] == ["OR", "REPLACE"]:
            return None
        return VIEW if noun == "view" else f"it fails where it is there; write DROP {noun.upper()} IF EXISTS before it"


def _has_behind(statement: Statement, noun: str, *words: str) -> bool:
    found = [word for kind, word, _ in islice(significant(statement.raw), HEAD_WORDS) if kind == "word"]
    at = found.index(noun.upper()) + 1 if noun.upper() in found else len(found)
    return found[at : at + len(words)] == list(words)
