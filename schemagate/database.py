"""One MySQL session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Result:
    """What one statement answered: the names of the columns, the rows, and how many rows it changed."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    affected: int
