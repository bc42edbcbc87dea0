"""MariaDB's REF_SYSTEM_ID is put where it is read from, and nowhere else."""

from __future__ import annotations

from schemagate.shapes import with_numbers, without_number

TEXT = """CREATE TABLE `at` (
  `at` point NOT NULL COMMENT ',`b` point',
  `b` geometry GENERATED ALWAYS AS (if(`at` = `b`,`at`,`b`)) VIRTUAL,
  `c``,` multipoint DEFAULT NULL,
  SPATIAL KEY `b` (`at`)
) ENGINE=InnoDB"""


def test_the_number_comes_behind_the_type_of_its_column() -> None:
    """Not behind another mention of the same name."""
    found = with_numbers(TEXT, {"at": 4326, "b": 7, "c`,": 1})
    assert found == TEXT.replace("`at` point NOT", "`at` point REF_SYSTEM_ID=4326 NOT").replace(
        "`b` geometry", "`b` geometry REF_SYSTEM_ID=7"
    ).replace("multipoint", "multipoint REF_SYSTEM_ID=1")


def test_a_column_is_known_without_its_number() -> None:
    """As a dump has it."""
    assert without_number("`at` point REF_SYSTEM_ID=4326 NOT NULL") == "`at` point NOT NULL"
    assert without_number("`at` point REF_SYSTEM_ID=4326") == "`at` point"
    assert without_number("`at` point COMMENT 'REF_SYSTEM_ID=1'") == "`at` point COMMENT 'REF_SYSTEM_ID=1'"
