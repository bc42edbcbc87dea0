"""Which statement an EXECUTE runs, where its file shows that for certain. Pure."""

from __future__ import annotations

import re

from schemagate.effects import LOOKED_AT
from schemagate.kinds import DATA, OPAQUE
from schemagate.lexer import unquote
from schemagate.sql import Statement
from schemagate.wording import said

# After these the server may read a string otherwise than we do.
READING = re.compile(rb"mode|names|char", re.IGNORECASE)


class Prepared:
    """The texts that a file has prepared so far, as far as they are one string in it. What it calls may have prepared
    something else by the same name, so that after a CALL nothing is known.
    """

    def __init__(self) -> None:
        self._known: dict[str, Statement] = {}
        self._plain = True  # do we read strings as the server does?

    def note(self, statement: Statement, kind: str) -> None:
        """A statement of the file is run, or was run before."""
        if kind == "prepare":
            self._prepare(statement)
        elif kind == "deallocate":
            self._known.pop(_name(statement), None)
        elif kind == "set":
            self._plain = self._plain and not READING.search(statement.raw)
        elif kind in OPAQUE and self.data(statement, kind) is None:
            self._known.clear()

    def data(self, statement: Statement, kind: str) -> Statement | None:
        """The data statement that this EXECUTE runs; None for any other, and where nobody can know."""
        inner = self._known.get(_name(statement)) if self._known and kind == "execute" else None
        return inner if inner and inner.kind in DATA else None

    def _prepare(self, statement: Statement) -> None:
        found = said(statement.head(LOOKED_AT))
        self._known.pop(_name(statement), None)
        source = found[3:]
        if not self._plain or len(statement.raw) > LOOKED_AT or len(source) != 1 or source[0].kind != "string":
            return
        name, text = _name(statement), unquote(source[0].text)
        if name != "immediate" and "/*" not in text:  # a hint may be another statement to the server
            self._known[name] = Statement(text.encode(errors="surrogateescape"), 0, 0)


def _name(statement: Statement) -> str:
    """The name that a PREPARE, EXECUTE or DEALLOCATE PREPARE has, in small letters."""
    found = [word.text for word in said(statement.head(LOOKED_AT)) if word.kind in ("word", "quoted")]
    at = 2 if found[:1] in (["DEALLOCATE"], ["DROP"]) else 1
    return unquote(found[at]).lower() if len(found) > at else ""
