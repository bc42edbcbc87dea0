"""What other tools call a migration, and ours of that name."""

from __future__ import annotations

import pytest

from schemagate.othertools import Told, last_told, means


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("20251111_add_enums", "20251111_add_enums"),
        ("db/changes/20251111_add_enums.sql", "20251111_add_enums"),
        ("20251111_add_enums.up.sql", "20251111_add_enums"),
        ("20251111_add_enums.js", "20251111_add_enums"),
        ("20251111", "20251111_add_enums"),
        ("1", "001_first"),
        ("V1_2__add_enums.sql", "1_2_add_enums"),
        ("V3__add_enums.sql", "V3__add_enums"),
        ("V3__add_enums.sql", "3_something_else"),
    ],
)
def test_it_is_ours_by_file_or_number(said: str, name: str) -> None:
    """Whatever the tool puts around it."""
    assert means(said, name)


@pytest.mark.parametrize(
    ("said", "name"),
    [("20251112", "20251111_add_enums"), ("add_enums", "20251111_add_enums"), ("2", "21_more"), ("", "1_a")],
)
def test_it_is_not_by_less(said: str, name: str) -> None:
    """A part of a name or number is no name."""
    assert not means(said, name)


NAMES = ["1_a", "2_b", "3_c"]


def test_the_last_one_is_known_if_those_before_it_are_there() -> None:
    """Except of a tool that keeps only the last."""
    assert last_told(Told("x", "x", ("1", "2")), NAMES) == "2_b"
    assert last_told(Told("x", "x", ("2",)), NAMES) is None
    assert last_told(Told("x", "x", ("2",), newest=True), NAMES) == "2_b"


def test_what_was_broken_off_or_has_two_meanings_is_no_hint() -> None:
    """Nor is what nobody knows."""
    assert last_told(Told("x", "x", ("1", "2"), broken="2"), NAMES) is None
    assert last_told(Told("x", "x", ("20251121",), newest=True), ["20251121_a", "20251121_b"]) is None
    assert last_told(Told("x", "x", ("9",), newest=True), NAMES) is None
