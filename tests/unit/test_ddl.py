"""The DDL between two schemas: what is done, in which order, and what it can lose."""

from __future__ import annotations

import pytest

from schemagate.ddl import Change, changes, script
from schemagate.schema import Schema, SchemaObject
from schemagate.widening import loses
from tests.unit.objects import schema, table, thing, trigger, view

ID = "`id` int NOT NULL"
KEY = "PRIMARY KEY (`id`)"


def sql(wanted: Schema, found: Schema) -> list[str]:
    """The statements."""
    return [each.sql for each in changes(wanted, found)]


def alters(wanted: SchemaObject, found: SchemaObject) -> list[str]:
    """What is done to the table, without ALTER TABLE and its name."""
    return [text.removeprefix("ALTER TABLE `t` ") for text in sql(schema(wanted), schema(found))]


def test_equal_schemas_need_nothing() -> None:
    """Nor does what may be hidden from one side."""
    whole = schema(table("t", ID, KEY), view("v", "select 1"), trigger("x"))
    assert changes(whole, whole) == ()
    assert changes(whole, schema(table("t", ID, KEY), unseen=["view", "trigger"])) == ()


def test_what_is_missing_is_made_parents_first_and_only_adds() -> None:
    """Tables, then views in the order in which they need each other, then triggers."""
    child = table("a", ID, KEY, "CONSTRAINT `f` FOREIGN KEY (`id`) REFERENCES `p` (`id`)")
    wanted = schema(
        child, table("p", ID, KEY), view("v", "select * from `w`"), view("w", "select 1"), trigger("x", "a")
    )

    made = changes(wanted, Schema())

    assert [(each.kind, each.name) for each in made] == [
        ("table", "p"), ("table", "a"), ("view", "w"), ("view", "v"), ("trigger", "x"),
    ]  # fmt: skip
    assert all(each.adds and not each.loses for each in made)
    assert [each.sql for each in made[:2]] == [wanted.objects["table", name].create for name in "pa"]


def test_tables_with_keys_in_a_circle_are_made_before_these() -> None:
    """Neither could be made first with its key, and neither can be dropped first with it."""
    one = table("a", ID, KEY, "CONSTRAINT `f` FOREIGN KEY (`id`) REFERENCES `b` (`id`)")
    other = table("b", ID, KEY, "CONSTRAINT `g` FOREIGN KEY (`id`) REFERENCES `a` (`id`)")

    made = sql(schema(one, other), Schema())
    assert "FOREIGN KEY" not in made[0]
    assert made[-1] == "ALTER TABLE `a` ADD CONSTRAINT `f` FOREIGN KEY (`id`) REFERENCES `b` (`id`)" or (
        made[-1] == "ALTER TABLE `b` ADD CONSTRAINT `g` FOREIGN KEY (`id`) REFERENCES `a` (`id`)"
    )

    dropped = changes(Schema(), schema(one, other))
    assert [each.sql for each in dropped] == [
        "ALTER TABLE `b` DROP FOREIGN KEY `g`", "DROP TABLE `a`", "DROP TABLE `b`",
    ]  # fmt: skip
    assert [each.loses for each in dropped] == [None, "all its rows", "all its rows"]


def test_what_a_table_lacks_is_added_clause_by_clause_where_it_belongs() -> None:
    """Each can be run alone, by whoever runs only what adds."""
    found = table("t", ID, "`z` int", KEY)
    wanted = table(
        "t", "`first` int", ID, "`a` int", "`b` int", "`z` int", KEY, "KEY `k` (`a`)", "CONSTRAINT `c` CHECK (`a` > 0)"
    )
    made = changes(schema(wanted), schema(found))
    assert [each.sql.removeprefix("ALTER TABLE `t` ") for each in made] == [
        "ADD COLUMN `first` int FIRST", "ADD COLUMN `a` int AFTER `id`", "ADD COLUMN `b` int AFTER `a`",
        "ADD KEY `k` (`a`)", "ADD CONSTRAINT `c` CHECK (`a` > 0)",
    ]  # fmt: skip
    assert all(each.adds and each.loses is None for each in made)
    assert [each.part for each in made] == ["column first", "column a", "column b", "index k", "check c"]


def test_a_column_that_counts_is_added_with_its_key() -> None:
    """No server has the one without the other; what else is missing is added by itself."""
    found = table("t", "`a` int")
    wanted = table("t", "`id` int NOT NULL AUTO_INCREMENT", "`a` int", KEY, "KEY `k` (`a`)")
    made = changes(schema(wanted), schema(found))
    assert [(each.part, each.adds) for each in made] == [("column id, primary key", True), ("index k", True)]
    assert made[0].sql == ("ALTER TABLE `t` ADD COLUMN `id` int NOT NULL AUTO_INCREMENT FIRST, ADD PRIMARY KEY (`id`)")


def test_a_computed_column_is_added_with_the_later_one_that_it_needs() -> None:
    """Otherwise the first would name what is not there."""
    found = table("t", ID, KEY)
    wanted = table("t", ID, "`g` int GENERATED ALWAYS AS (`n` + 1) VIRTUAL", "`n` int", KEY)
    assert alters(wanted, found) == [
        "ADD COLUMN `g` int GENERATED ALWAYS AS (`n` + 1) VIRTUAL AFTER `id`, ADD COLUMN `n` int AFTER `g`"
    ]


def test_only_the_columns_that_have_to_move_are_moved() -> None:
    """As few as can be."""
    found = table("t", "`a` int", "`b` int", "`c` int", "`d` int")
    wanted = table("t", "`d` int", "`a` int", "`b` int", "`c` int")
    assert alters(wanted, found) == ["MODIFY COLUMN `d` int FIRST"]


def test_clauses_that_need_each_other_are_one_statement() -> None:
    """A column and the expression that names it; a virtual column that becomes a stored one, with its index."""
    found = table("t", "`n` int", "`g` int GENERATED ALWAYS AS (`n` + 1) VIRTUAL", "KEY `k` (`g`)")
    wanted = table("t", "`n` bigint", "`g` bigint GENERATED ALWAYS AS (`n` + 1) STORED", "KEY `k` (`g`)")
    (made,) = changes(schema(wanted), schema(found))
    assert made.sql == (
        "ALTER TABLE `t` DROP COLUMN `g`, DROP KEY `k`, MODIFY COLUMN `n` bigint, "
        "ADD COLUMN `g` bigint GENERATED ALWAYS AS (`n` + 1) STORED AFTER `n`, ADD KEY `k` (`g`)"
    )
    assert made.part == "column g, index k, column n"
    assert (made.adds, made.loses) == (False, None)


def test_the_default_collation_of_a_table_and_those_of_its_columns_are_told_apart() -> None:
    """A text that names none means another one in another table."""
    found = table("t", "`a` varchar(9)", "`b` varchar(9)", tail="ENGINE=InnoDB DEFAULT CHARSET=latin1")
    wanted = table("t", "`a` varchar(9)", "`b` varchar(9) COLLATE latin1_swedish_ci")
    assert alters(wanted, found) == [
        "COLLATE=utf8mb4_0900_ai_ci", "MODIFY COLUMN `a` varchar(9) COLLATE utf8mb4_0900_ai_ci",
    ]  # fmt: skip


def test_what_is_another_for_each_row_gets_its_values_and_changes_no_others() -> None:
    """Triggers that act on that are said; MariaDB, which writes it otherwise, adds it as it is."""
    clock = "`at` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP"
    own = "`k` char(36) NOT NULL DEFAULT (uuid()) COMMENT 'NOT NULL DEFAULT (x)'"
    found, wanted = table("t", ID, clock, KEY), table("t", ID, clock, own, KEY)
    steps = [
        "ALTER TABLE `t` ADD COLUMN `k` char(36) COMMENT 'NOT NULL DEFAULT (x)' AFTER `at`",
        "UPDATE `t` SET `k` = (uuid()), `at` = `at`",
        f"ALTER TABLE `t` MODIFY COLUMN {own} AFTER `at`",
    ]
    assert sql(schema(wanted), schema(found)) == steps
    assert not any(each.loses for each in changes(schema(wanted), schema(found)))
    acting = trigger("x", event="AFTER UPDATE")
    made = changes(schema(wanted, acting), schema(found, acting))
    assert [bool(each.loses) for each in made] == [False, True, True]
    other = table("t", ID, clock, "`k` char(36) NOT NULL DEFAULT uuid()", KEY)
    assert alters(other, found) == ["ADD COLUMN `k` char(36) NOT NULL DEFAULT uuid() AFTER `at`"]


def test_foreign_keys_are_out_of_the_way_while_their_columns_change() -> None:
    """They go first and come back last; one that nothing touches stays."""
    parent, other = table("p", ID, KEY), table("p", "`id` bigint NOT NULL", KEY)
    key = "CONSTRAINT `f` FOREIGN KEY (`n`) REFERENCES `p` (`id`)"
    child = table("t", ID, "`n` int", KEY, "KEY `k` (`n`)", key)
    wanted = table("t", ID, "`n` bigint", KEY, "KEY `k` (`n`)", key)
    assert sql(schema(other, wanted), schema(parent, child)) == [
        "ALTER TABLE `t` DROP FOREIGN KEY `f`",
        "ALTER TABLE `p` MODIFY COLUMN `id` bigint NOT NULL",
        "ALTER TABLE `t` MODIFY COLUMN `n` bigint",
        "ALTER TABLE `t` DROP INDEX `k`, ADD KEY `k` (`n`)",  # the server may have made it for a key, and would drop it
        f"ALTER TABLE `t` ADD {key}",
    ]
    more = table("t", ID, "`n` int COMMENT 'x'", "`m` int", KEY, "KEY `k` (`n`)", key)
    assert not any("FOREIGN" in text for text in sql(schema(parent, more), schema(parent, child)))


def test_an_index_that_a_foreign_key_stands_on_can_be_exchanged() -> None:
    """No server drops it under the key."""
    key = "CONSTRAINT `f` FOREIGN KEY (`n`) REFERENCES `p` (`id`)"
    before = schema(table("p", ID, KEY), table("t", "`n` int", "KEY `k` (`n`)", key))
    after = schema(table("p", ID, KEY), table("t", "`n` int", "KEY `l` (`n`)", key))
    assert [text.removeprefix("ALTER TABLE `t` ") for text in sql(after, before)] == [
        "DROP FOREIGN KEY `f`", "DROP KEY `k`", "ADD KEY `l` (`n`)", f"ADD {key}",
    ]  # fmt: skip


def test_a_trigger_is_put_where_it_acts() -> None:
    """Behind the one before it, or before the first of those that are there."""
    t = table("t", ID)
    found = schema(t, trigger("b"), trigger("d"))
    assert sql(schema(t, *(trigger(name) for name in "abcd")), found) == [
        "CREATE TRIGGER `a` BEFORE INSERT ON `t` FOR EACH ROW PRECEDES `b` SET @a = 1",
        "CREATE TRIGGER `c` BEFORE INSERT ON `t` FOR EACH ROW FOLLOWS `b` SET @a = 1",
    ]
    assert sql(schema(t, trigger("d"), trigger("b")), found) == [
        "DROP TRIGGER `d`", "CREATE TRIGGER `d` BEFORE INSERT ON `t` FOR EACH ROW PRECEDES `b` SET @a = 1",
    ]  # fmt: skip


def test_programs_are_replaced_and_events_go_on_as_they_did() -> None:
    """A view in one statement; an event keeps its STARTS where its schedule is the same."""
    event = "CREATE EVENT `e` ON SCHEDULE EVERY 1 DAY ENABLE DO SET @a = "
    found = schema(
        view("v", "select 1"),
        thing("event", "e", f"{event}1"),
        thing("procedure", "p", "CREATE PROCEDURE `p`() SELECT 1"),
    )
    wanted = schema(
        view("v", "select 2"),
        thing("event", "e", f"{event}2"),
        thing("procedure", "p", "CREATE PROCEDURE `p`() SELECT 2"),
    )
    assert sql(wanted, found) == [
        "CREATE OR REPLACE ALGORITHM=UNDEFINED SQL SECURITY DEFINER VIEW `v` AS select 2",
        "DROP PROCEDURE `p`", "CREATE PROCEDURE `p`() SELECT 2",
        "ALTER EVENT `e` ON COMPLETION NOT PRESERVE ENABLE COMMENT '' DO SET @a = 2",
    ]  # fmt: skip
    assert not any(each.adds or each.loses for each in changes(wanted, found))


def test_views_that_named_each_other_the_other_way_round_are_dropped_first() -> None:
    """Replaced one by one, the first would name itself by way of the second."""
    found = schema(view("a", "select 1"), view("b", "select * from `a`"))
    wanted = schema(view("a", "select * from `b`"), view("b", "select 1"))
    assert [text[:11] for text in sql(wanted, found)] == ["DROP VIEW `", "DROP VIEW `", "CREATE ALGO", "CREATE ALGO"]


def test_a_program_is_made_in_the_session_that_it_keeps() -> None:
    """And what is done to tables afterwards in the one that changes begin with."""
    t, more = table("t", ID), table("t", ID, "`a` int")
    made = changes(schema(more, thing("procedure", "p", "CREATE PROCEDURE `p`() SELECT 1", sql_mode="ANSI")), schema(t))
    texts = [(bool(each), text) for each, text in script(made, "utf8mb4_bin")]
    assert [text for has, text in texts if has] == [each.sql for each in made]
    (session,) = [text for has, text in texts[3:] if not has]
    assert session == (
        "SET SESSION sql_mode = 'ANSI', character_set_client = utf8mb4, collation_connection = utf8mb4_bin"
    )
    again = [*made, Change("table", "t", "", "ALTER TABLE t FORCE")]
    assert [text for _, text in script(again, "utf8mb4_bin")][-2].startswith("SET SESSION sql_mode = 'STRICT_ALL")


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        ("int", "bigint"), ("tinyint(1)", "int"), ("int unsigned", "bigint"), ("int", "decimal(12,2)"),
        ("varchar(20) COLLATE utf8mb4_bin", "varchar(21) COLLATE utf8mb4_bin"),
        ("char(20) COLLATE utf8mb4_bin", "varchar(20) COLLATE utf8mb4_bin"),
        ("varchar(9) COLLATE latin1_bin", "varchar(9) COLLATE utf8mb4_bin"),
        ("varchar(9) COLLATE ascii_bin", "text COLLATE latin1_bin"), ("varbinary(9)", "blob"),
        ("text COLLATE utf8mb3_bin", "longtext COLLATE utf8mb4_bin"), ("float", "double"),
        ("enum('a','b') COLLATE utf8mb4_bin", "enum('a','c','b') COLLATE utf8mb4_bin DEFAULT 'c' COMMENT 'x'"),
        ("decimal(5,2)", "decimal(7,3)"), ("timestamp NULL", "timestamp(3) NULL"), ("date", "datetime(6)"),
        ("int NOT NULL", "int DEFAULT NULL"), ("int GENERATED ALWAYS AS (`b`) STORED", "int"),
        ("varchar(9) COLLATE utf8mb4_bin GENERATED ALWAYS AS (`b`) VIRTUAL", "int GENERATED ALWAYS AS (1) VIRTUAL"),
    ],
)  # fmt: skip
def test_what_only_widens_loses_nothing(found: str, wanted: str) -> None:
    """And what narrows is said to lose: here, the way back of each that has one."""
    assert loses(f"`a` {found}", f"`a` {wanted}") is None


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        ("bigint", "int"), ("int", "int unsigned"), ("int unsigned", "int"), ("int", "varchar(20)"), ("int", "float"),
        ("varchar(21) COLLATE utf8mb4_bin", "varchar(20) COLLATE utf8mb4_bin"),
        ("varchar(20) COLLATE utf8mb4_bin", "char(20) COLLATE utf8mb4_bin"), ("binary(4)", "binary(5)"),
        ("varchar(9) COLLATE utf8mb4_bin", "varchar(9) COLLATE latin1_bin"),
        ("text COLLATE latin1_bin", "text COLLATE utf8mb4_bin"), ("json", "text COLLATE utf8mb4_bin"),
        ("varchar(20000) COLLATE utf8mb4_bin", "text COLLATE utf8mb4_bin"), ("datetime", "date"),
        ("enum('a','b') COLLATE utf8mb4_bin", "enum('a','B') COLLATE utf8mb4_bin"),
        ("decimal(5,2)", "decimal(6,4)"), ("timestamp(3)", "timestamp"), ("timestamp", "datetime"),
        ("int DEFAULT NULL", "int NOT NULL"), ("int", "int GENERATED ALWAYS AS (`b`) STORED"),
        ("point", "point SRID 4326"), ("point SRID 4326", "point SRID 0"),
    ],
)  # fmt: skip
def test_what_narrows_or_cannot_be_told_is_said_to_lose(found: str, wanted: str) -> None:
    """Rather one too many: what is marked a person looks at."""
    assert loses(f"`a` {found}", f"`a` {wanted}")
