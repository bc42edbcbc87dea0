"""What of a migration may run in the shadow, and in which form?"""

from __future__ import annotations

from pathlib import Path

import pytest

from schemagate.files import find
from schemagate.isolation import inside, needed
from schemagate.migrations import load
from schemagate.plan import Todo
from schemagate.schema import Schema, SchemaObject
from schemagate.scratch import shadow_name
from schemagate.sql import Statement


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CREATE TABLE t (x INT)", "CREATE TABLE t (x INT)"),
        ("CREATE TABLE live.t (x INT)", "CREATE TABLE `s`.t (x INT)"),
        ("ALTER TABLE `live`.`t` ADD x INT", "ALTER TABLE `s`.`t` ADD x INT"),
        ("ALTER TABLE live . t ADD x INT", "ALTER TABLE `s`. t ADD x INT"),
        ("RENAME TABLE live.a TO live.b", "RENAME TABLE `s`.a TO `s`.b"),
        ("CREATE TABLE a (x INT REFERENCES LIVE.t (x))", "CREATE TABLE a (x INT REFERENCES `s`.t (x))"),
        ("CREATE TABLE a (x VARCHAR(9) DEFAULT 'live.t')", "CREATE TABLE a (x VARCHAR(9) DEFAULT 'live.t')"),
        ("CREATE TABLE a (x INT) -- live.t", "CREATE TABLE a (x INT) -- live.t"),
    ],
)
def test_a_qualified_name_of_live_becomes_one_of_the_shadow(text: str, expected: str) -> None:
    """`CREATE TABLE live.x` run in the shadow would make a table in live; what is in strings and comments stays."""
    assert inside(Statement(text.encode(), 1, 1), "live", "s") == (expected, None)


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE other.t (x INT)",
        "RENAME TABLE t TO other.t",
        "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW INSERT INTO live.b VALUES (1)",
        "CREATE PROCEDURE p() BEGIN DELETE FROM live.b; END",
        "CREATE VIEW v AS SELECT live.x FROM t AS live",
    ],
)
def test_what_may_reach_out_of_the_shadow_is_not_run_there(text: str) -> None:
    """Another schema, a body with a qualified name, and what may be an alias or the schema: with the reason."""
    _, reason = inside(Statement(text.encode(), 1, 1), "live", "s")
    assert reason


def test_the_shadow_has_a_name_of_its_own_for_every_schema() -> None:
    """From a hash: never longer than 64 characters, and never `<db>__shadow`, which may be somebody's."""
    name = shadow_name("x" * 64, "auto")
    assert name.startswith("schemagate_shadow_")
    assert len(name) <= 64
    assert name != shadow_name("y" * 64, "auto")
    assert shadow_name("x", "mine") == "mine"


def made(kind: str, name: str, create: str) -> SchemaObject:
    return SchemaObject(kind, name, create, ())


def key_to(table: str) -> str:
    return f"CONSTRAINT f FOREIGN KEY (`x`) REFERENCES `{table}` (`x`)"


LIVE = Schema(
    {
        (each.kind, each.name): each
        for each in (
            made("table", "parent", "CREATE TABLE `parent` (`x` int)"),
            made("table", "t", f"CREATE TABLE `t` (`x` int, {key_to('parent')})"),
            made("table", "child", f"CREATE TABLE `child` (`x` int, {key_to('t')})"),
            made("table", "far", f"CREATE TABLE `far` (`x` int, {key_to('child')})"),
            made("table", "beside", "CREATE TABLE `beside` (`x` int)"),
            made("table", "alone", "CREATE TABLE `alone` (`x` int)"),
            made("view", "v", "CREATE VIEW `v` AS select `t`.`x` from `t` join `beside`"),
            made("view", "w", "CREATE VIEW `w` AS select 1 from `v`"),
            made("trigger", "g", "CREATE TRIGGER `g` BEFORE INSERT ON `t` FOR EACH ROW SET NEW.x = 1"),
        )
    }
)


def test_a_rehearsal_copies_what_it_needs_and_no_more(tmp_path: Path) -> None:
    """The table named, its foreign-key neighbours, its triggers, the views on it with all that these name."""
    tmp_path.joinpath("m.sql").write_text("ALTER TABLE t ADD x INT;")
    todo = Todo(load(find(str(tmp_path))).all[0], 1)
    assert {name for _, name in needed(LIVE, [todo]).objects} == {"parent", "t", "child", "beside", "v", "g"}
