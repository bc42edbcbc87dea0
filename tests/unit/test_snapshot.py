"""schema.sql: written, read, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemagate.errors import MigrationInvalid
from schemagate.schema import Schema, SchemaObject, compare, in_order, made
from schemagate.snapshot import Header, Snapshot, header_of, parse, render

CHARSETS = {"utf8mb4": "utf8mb4_0900_ai_ci", "latin1": "latin1_swedish_ci"}
COLLATION = "utf8mb4_unicode_ci"
USUAL = {
    "sql_mode": "STRICT_TRANS_TABLES",
    "character_set_client": "utf8mb4",
    "collation_connection": "utf8mb4_bin",
    "time_zone": "SYSTEM",
}


def thing(kind: str, name: str, create: str, **session: str) -> SchemaObject:
    """One object, made in the usual session."""
    return made(kind, name, create, {**USUAL, **session}, CHARSETS, COLLATION)


WHOLE = [
    thing("table", "t", ("CREATE TABLE `t` (\n  `a` int NOT NULL,\n  `b` varchar(9) COMMENT 'it''s; -- é',\n "
                         " PRIMARY KEY (`a`)\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4")),
    thing("table", "a", ("CREATE TABLE `a` (\n  `a` int DEFAULT NULL\n) ENGINE=InnoDB DEFAULT CHARSET=latin1"
                         " COMMENT='DELIMITER ;;'")),
    thing("view", "v", ("CREATE ALGORITHM=UNDEFINED SQL SECURITY DEFINER VIEW `v` (`x`) AS select `w`.`a` AS `a`"
                        " from `w`")),
    thing("view", "w", ("CREATE ALGORITHM=UNDEFINED SQL SECURITY DEFINER VIEW `w` AS select 'é' AS"
                        " `a`"), character_set_client="latin1", collation_connection="latin1_bin"),
    thing("function", "f", "CREATE FUNCTION `f`() RETURNS int\nBEGIN\n  RETURN 1; -- the end\nEND -- ;;"),
    thing("procedure", "p", "CREATE PROCEDURE `p`(x int)\nSELECT ';;', '$$', \"//\"", sql_mode="ANSI_QUOTES"),
    thing("procedure", "a`b", "CREATE PROCEDURE `a``b`() BEGIN END", **{"database collation": "latin1_swedish_ci"}),
    thing("trigger", "z", "CREATE TRIGGER `z` BEFORE INSERT ON `t` FOR EACH ROW BEGIN SET @a = 1; END"),
    thing("trigger", "a", "CREATE TRIGGER `a` BEFORE INSERT ON `t` FOR EACH ROW SET @a = 2"),
    thing("event", "e", ("CREATE EVENT `e` ON SCHEDULE EVERY 1 DAY ON COMPLETION PRESERVE DISABLE COMMENT 'x' DO"
                         " SELECT 1"), time_zone="+03:00"),
    thing("sequence", "s", ("CREATE SEQUENCE `s` start with 1 minvalue 1 maxvalue 9 increment by 1 cache 1000"
                            " nocycle ENGINE=InnoDB")),
]  # fmt: skip


def schema(*objects: SchemaObject) -> Schema:
    """A schema of these."""
    triggers = in_order(each for each in objects if each.kind == "trigger")
    rest = [each for each in objects if each.kind != "trigger"]
    return Schema({(each.kind, each.name): each for each in [*rest, *triggers]}, frozenset(), COLLATION)


def written(whole: Schema) -> str:
    """Its snapshot."""
    return render(whole, flavour="mysql", version="9.7.4", migrations_sha256="ab" * 32)


def read(text: str) -> Snapshot:
    """A snapshot's text, read."""
    return parse(text, "schema.sql", CHARSETS)


def test_a_snapshot_that_is_read_again_is_the_same_schema() -> None:
    """With every kind of object, and with bodies that try every delimiter."""
    whole = schema(*WHOLE)
    parsed = read(written(whole))
    assert compare(whole, parsed.schema) == compare(parsed.schema, whole) == ()
    assert {key: each.create for key, each in parsed.schema.objects.items()} == {
        key: each.create for key, each in whole.objects.items()
    }
    assert parsed.schema.collation == COLLATION
    assert parsed.body_matches
    assert written(parsed.schema) == written(whole)


@given(st.permutations(WHOLE[:7]))
def test_the_same_schema_gives_the_same_text(objects: list[SchemaObject]) -> None:
    """Whatever the order in which it was put together: a change in the file is a change of the schema."""
    assert written(schema(*objects)) == written(schema(*WHOLE[:7]))


def test_the_header_says_who_wrote_it_from_what_and_how() -> None:
    """For a person and for a machine; it can be read without the rest."""
    text = written(schema(*WHOLE))
    header = header_of(text)
    assert isinstance(header, Header)
    assert (header.flavour, header.version, header.migrations_sha256) == ("mysql", "9.7.4", "ab" * 32)
    assert header.release == "mysql 9.7"
    assert header == read(text).header
    head = text.split("\n\n", 1)[0]
    assert all(line.startswith("-- ") for line in head.splitlines())
    assert "schemagate snapshot" in head


@pytest.mark.parametrize("edit", ["`b` varchar(9)", "DISABLE COMMENT", "STRICT_TRANS_TABLES"])
def test_an_edited_body_is_noticed(edit: str) -> None:
    """It still can be read: what it says may be what somebody wants."""
    text = written(schema(*WHOLE))
    parsed = read(
        text.replace(edit, edit.replace("9", "8").replace("DISABLE", "ENABLE").replace("STRICT", "NO_ENGINE"))
    )
    assert not parsed.body_matches
    assert compare(schema(*WHOLE), parsed.schema)


def test_line_ends_of_a_checkout_and_a_byte_order_mark_do_not_count() -> None:
    """Nobody edited the file."""
    text = written(schema(*WHOLE))
    for other in (text.replace("\n", "\r\n"), "\ufeff" + text):
        assert read(other.removeprefix("\ufeff")).body_matches
        assert header_of(other) == header_of(text)
        assert compare(schema(*WHOLE), read(other.removeprefix("\ufeff")).schema) == ()


def test_a_file_without_our_header_is_read_as_well() -> None:
    """Somebody wrote it; it is not known from what."""
    parsed = read("CREATE TABLE `t` (`a` int) ENGINE=InnoDB DEFAULT CHARSET=latin1;\n")
    assert parsed.header is None
    assert not parsed.body_matches
    assert set(parsed.schema.objects) == {("table", "t")}
    assert header_of("") is header_of("-- server: mysql 9\n") is None


@pytest.mark.parametrize(
    "statement", ["INSERT INTO t VALUES (1)", "DROP TABLE t", "USE app", "CREATE USER a", "GRANT ALL ON *.* TO a"]
)
def test_anything_that_makes_no_object_is_refused_with_its_place(statement: str) -> None:
    """A snapshot is a description, not a program."""
    text = f"CREATE TABLE `t` (`a` int);\n\n{statement};\n"
    with pytest.raises(MigrationInvalid) as raised:
        read(text)
    assert raised.value.facts == {"file": "schema.sql", "line": 3}


def test_nothing_of_a_definer_or_a_counter_is_in_it() -> None:
    """The one is an account, the other is data."""
    text = written(schema(*WHOLE))
    assert "DEFINER=" not in text
    assert "AUTO_INCREMENT=" not in text


def test_what_the_file_cannot_hold_is_said_when_it_is_written() -> None:
    """Under NO_BACKSLASH_ESCAPES nobody could say where a string ends."""
    with pytest.raises(MigrationInvalid):
        written(schema(thing("procedure", "p", "CREATE PROCEDURE `p`() SELECT '\\'", sql_mode="NO_BACKSLASH_ESCAPES")))


def test_an_empty_schema_has_a_snapshot() -> None:
    """Nothing is made, and that is what it says."""
    parsed = read(written(replace(Schema(), collation=COLLATION)))
    assert parsed.schema == Schema({}, frozenset(), COLLATION)
    assert parsed.body_matches
