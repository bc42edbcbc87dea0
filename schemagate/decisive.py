"""Which differences of a schema decide what becomes of rows that are changed while they are there. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemagate.schema import compare

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemagate.schema import Difference, Schema

# Where one of these is missing, a statement of data that needs it does not work; it does not do something else.
NEEDED_TO_WORK = frozenset({"view", "procedure", "function", "sequence"})


def decisive(differences: Iterable[Difference], now: Schema, end: Schema | None) -> list[Difference]:
    """Those with which rows may come out otherwise. `now` is the schema that has them, `end` the one after all that is
    pending; None where that is not known.

    What somebody has brought by hand to where it will be in the end is as it is meant to be. But what keeps rows out,
    or changes them, and is missing, was to be there until it is dropped.
    """
    ahead = {(each.kind, each.name.lower(), each.part) for each in compare(end, now)} if end else None

    def changes(each: Difference) -> bool:
        return ahead is None or not ahead.isdisjoint((each.kind, each.name.lower(), part) for part in ("", each.part))

    return [each for each in differences if _counts(each) and (changes(each) or _acts(each))]


def _counts(each: Difference) -> bool:
    missing = each.found is None
    return not (each.kind == "event" or (missing and each.kind in NEEDED_TO_WORK) or _is_for_speed(each))


def _is_for_speed(each: Difference) -> bool:
    """An index that lets the same rows in as none."""
    words = {(text or "").split(None, 1)[0] for text in (each.expected, each.found) if text}
    return each.part.startswith("index ") and not words & {"UNIQUE", "PRIMARY"}


def _acts(each: Difference) -> bool:
    """Is something missing that acts on rows, beside those that hold them? Or in another order: the end does not show
    that once one of those in it is gone.
    """
    if each.part.startswith("order of "):
        return True
    return each.found is None and not (each.kind == "table" and each.part.partition(" ")[0] in ("", "column"))
