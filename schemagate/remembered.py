"""What the last start that worked has proven: one row, with which a start that finds all as it was ends at once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from schemagate.lexer import quote
from schemagate.values import Value

# Proofs in which not all was compared; the one where SCHEMAGATE_SHADOW is off, so that who may use one proves it anew.
WITHOUT_SHADOW = "outline (off)"
IN_PART = frozenset({"outline", WITHOUT_SHADOW, "names"})
FORM = 2  # of our tables and of what a fingerprint covers: a row remembered under another form is not believed


class Verified(Value):
    """What was proven last, of which files, on which server."""

    form: int
    files: bytes
    server_uuid: str
    server_version: str
    fingerprint: str
    proof: str
    strangers: str

    @property
    def foreign(self) -> frozenset[str]:
        """The tables that no migration makes, and that were left out of the proof."""
        return frozenset(json.loads(self.strangers))


def verified_query(database: str) -> str:
    """The remembered row; one that fails where there is no journal."""
    return f"SELECT {', '.join(Verified._fields)} FROM {quote(database)}.schemagate_verified WHERE id = 1"


def parse_verified(rows: Sequence[tuple[Any, ...]]) -> Verified | None:
    """The answer to `verified_query`."""
    return Verified(*rows[0]) if rows else None


def unsettled_query(database: str) -> str:
    """Has the newest entry no outcome? No start goes on beyond one that has none."""
    return f"SELECT outcome = 'begun' FROM {quote(database)}.schemagate_journal ORDER BY id DESC LIMIT 1"
