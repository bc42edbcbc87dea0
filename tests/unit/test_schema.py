"""Comparing schemas, putting them in order, reducing them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemagate.database import Result
from schemagate.grants import unseen_kinds
from schemagate.listing import Listed, creates, fingerprint, named, parse_listing, session_for_reading
from schemagate.loading import for_shadow, in_load_order, load_statements, script, with_left_out, without_keys_elsewhere
from schemagate.programs import asleep, loadable_event, loadable_view, tidy, trigger_body, without_definer
from schemagate.schema import Difference, Schema, assemble, compare, outline, part_of
from tests.unit.objects import CHARSETS, schema, table, thing, trigger, view


def told(expected: Schema, found: Schema) -> list[tuple[str, str, str | None, str | None]]:
    """The differences, short."""
    return [(f"{d.kind} {d.name}", d.part, d.expected, d.found) for d in compare(expected, found)]


# --- comparing ----------------------------------------------------------------------------------------------------


def test_equal_schemas_have_no_differences() -> None:
    """Nothing is nothing."""
    whole = schema(table("t", "`a` int"), view("v", "select 1"), trigger("x"))
    assert compare(whole, whole) == compare(Schema(), Schema()) == ()


def test_what_is_missing_and_what_is_too_much_is_told_with_its_text() -> None:
    """A missing object can be made from the difference."""
    whole = schema(table("t", "`a` int"))
    create = whole.objects["table", "t"].create
    assert compare(whole, Schema()) == (Difference("table", "t", "", create, None),)
    assert compare(Schema(), whole) == (Difference("table", "t", "", None, create),)


def test_each_clause_that_differs_is_one_difference_in_words_for_a_person() -> None:
    """In the order of the table's text, columns first."""
    expected = table(
        "t",
        "`id` int",
        "`title` varchar(9)",
        "PRIMARY KEY (`id`)",
        "KEY `k` (`title`)",
        "CONSTRAINT `f` FOREIGN KEY (`id`) REFERENCES `p` (`id`)",
    )
    found = table(
        "t",
        "`id` int",
        "`title` varchar(8)",
        "`more` int",
        "CONSTRAINT `c` CHECK (`id` > 0)",
        tail="ENGINE=MyISAM DEFAULT CHARSET=latin1",
    )
    assert told(schema(expected), schema(found)) == [
        ("table t", "column title", "`title` varchar(9)", "`title` varchar(8)"),
        ("table t", "column more", None, "`more` int"),
        ("table t", "primary key", "PRIMARY KEY (`id`)", None),
        ("table t", "index k", "KEY `k` (`title`)", None),
        ("table t", "foreign key f", "CONSTRAINT `f` FOREIGN KEY (`id`) REFERENCES `p` (`id`)", None),
        ("table t", "check c", None, "CONSTRAINT `c` CHECK (`id` > 0)"),
        ("table t", "option ENGINE", "ENGINE=InnoDB", "ENGINE=MyISAM"),
        ("table t", "option COLLATE", "COLLATE=utf8mb4_0900_ai_ci", "COLLATE=latin1_swedish_ci"),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["status", "position"])
def test_a_column_may_have_the_name_of_what_is_not_compared_elsewhere(name: str) -> None:
    """The status of an event that came from another server, and the place of a trigger, are no columns."""
    one, two = schema(table("t", "`id` int", f"`{name}` int")), schema(table("t", "`id` int"))
    assert told(one, two) == [("table t", f"column {name}", f"`{name}` int", None)]
    assert told(two, one) == [("table t", f"column {name}", None, f"`{name}` int")]
    assert told(one, schema(table("t", "`id` int", f"`{name}` text"))) != []


def test_the_order_of_columns_is_a_difference_of_its_own() -> None:
    """Only of those that both have: what is missing or too much is told once."""
    expected, found = table("t", "`a` int", "`b` int", "`c` int"), table("t", "`c` int", "`x` int", "`a` int")
    assert told(schema(expected), schema(found)) == [
        ("table t", "column b", "`b` int", None),
        ("table t", "column x", None, "`x` int"),
        ("table t", "order of columns", "a, c", "c, a"),
    ]


@given(
    st.permutations(
        [
            "PRIMARY KEY (`a`)",
            "KEY `k` (`b`)",
            "UNIQUE KEY `u` (`b`)",
            "CONSTRAINT `c` CHECK (1)",
            "CONSTRAINT `d` CHECK (2)",
        ]
    )
)
def test_the_order_of_everything_else_does_not_count(clauses: list[str]) -> None:
    """Indexes, keys and checks are sets."""
    columns = ("`a` int NOT NULL", "`b` int")
    one, other = table("t", *columns, *sorted(clauses)), table("t", *columns, *clauses)
    assert compare(schema(one), schema(other)) == ()


def test_differences_come_in_the_order_of_kinds_and_names() -> None:
    """The same two schemas give the same list, however they were put together."""
    objects = [
        view("v", "select 1"),
        table("b", "`a` int"),
        table("a", "`a` int"),
        trigger("x"),
        thing("event", "e", "CREATE EVENT `e` ON SCHEDULE EVERY 1 DAY ON COMPLETION PRESERVE ENABLE DO SELECT 1"),
    ]
    one, other = compare(schema(*objects), Schema()), compare(schema(*objects[::-1]), Schema())
    assert one == other
    assert [(d.kind, d.name) for d in one] == [("table", "a"), ("table", "b"), ("view", "v"), (
        "trigger", "x"), ("event", "e")]  # fmt: skip


def test_a_kind_that_is_unseen_is_neither_equal_nor_missing() -> None:
    """In either of the two; the others are compared all the same."""
    whole = schema(table("t", "`a` int"), trigger("x"), trigger("y"))
    assert told(whole, schema(trigger("y"), trigger("x"), unseen=["trigger"])) == [
        ("table t", "", whole.objects["table", "t"].create, None)
    ]
    assert compare(replace(whole, unseen=frozenset({"trigger"})), schema(table("t", "`a` int"))) == ()


def test_the_order_of_triggers_counts_within_one_event_of_one_table() -> None:
    """They act one after the other. A missing one is told once, and moves none of the others."""
    expected = schema(trigger("a"), trigger("b"), trigger("c"), trigger("other", event="AFTER INSERT"))
    found = schema(trigger("other", event="AFTER INSERT"), trigger("c"), trigger("b"))
    assert told(expected, found) == [
        ("trigger a", "", "CREATE TRIGGER `a` BEFORE INSERT ON `t` FOR EACH ROW SET @a = 1", None),
        ("table t", "order of triggers BEFORE INSERT", "b, c", "c, b"),
    ]
    assert (
        compare(expected, schema(trigger("other", event="AFTER INSERT"), trigger("a"), trigger("b"), trigger("c")))
        == ()
    )


def test_an_event_of_another_server_is_compared_without_its_status() -> None:
    """A replica has the events of its source switched off, and does not know whether they are on there."""
    text = (
        "CREATE DEFINER=`root`@`%` EVENT `e` ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' ON COMPLETION"
        " NOT PRESERVE DISABLE ON SLAVE DO SELECT 1"
    )
    ours = thing("event", "e", loadable_event("e", text, replicated=False))
    theirs = thing("event", "e", loadable_event("e", text, replicated=True))
    off = thing("event", "e", loadable_event("e", text.replace(" ON SLAVE", ""), replicated=False))
    assert ours.create == "CREATE EVENT `e` ON SCHEDULE EVERY 1 DAY ON COMPLETION NOT PRESERVE ENABLE DO SELECT 1"
    assert compare(schema(ours), schema(theirs)) == compare(schema(off), schema(theirs)) == ()
    assert [d.part for d in compare(schema(ours), schema(off))] == ["status"]


def test_a_routine_of_another_default_collation_is_a_difference() -> None:
    """Its variables are in that character set; the default of the schema itself is the operator's choice."""
    now = thing("procedure", "p", "CREATE PROCEDURE `p`(x varchar(9)) SELECT x")
    before = thing("procedure", "p", now.create, **{"database collation": "latin1_swedish_ci"})
    assert told(schema(now), schema(before)) == [("procedure p", "default collation", None, "latin1_swedish_ci")]
    assert compare(schema(now), replace(schema(now), collation="latin1_swedish_ci")) == ()


# --- bodies -------------------------------------------------------------------------------------------------------

TIDY = [
    ("SELECT 1 -- x", "SELECT 1"),
    ("SELECT /* x */ 1", "SELECT  1"),
    ("BEGIN -- x\n  # y\n\n  SELECT 1;\r\nEND", "BEGIN  \n  SELECT 1;\nEND"),
    ("a/**/b", "a b"),
]


@pytest.mark.parametrize(("one", "other"), TIDY)
def test_comments_in_a_body_do_not_count(one: str, other: str) -> None:
    """Some clients leave them out when they send a file."""
    assert tidy(one) == tidy(other)


@pytest.mark.parametrize(
    "text", ["SELECT '-- x'", "SELECT '/* x */'", "SELECT /*+ NO_MERGE() */ 1", "SELECT /*!50000 1 */"]
)
def test_what_only_looks_like_a_comment_stays(text: str) -> None:
    """Strings, hints to the optimiser, executable comments."""
    assert tidy(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CREATE DEFINER=`root`@`%` PROCEDURE `p`() SELECT 1", "CREATE PROCEDURE `p`() SELECT 1"),
        (("CREATE ALGORITHM=MERGE DEFINER=`a``b`@`localhost` SQL SECURITY DEFINER VIEW `v` AS select"
          " 1"), "CREATE ALGORITHM=MERGE SQL SECURITY DEFINER VIEW `v` AS select 1"),
        ("CREATE DEFINER=`role` FUNCTION `f`() RETURNS int RETURN 1", "CREATE FUNCTION `f`() RETURNS int RETURN 1"),
        ('CREATE DEFINER="root"@"%" PROCEDURE "p"() SELECT 1', 'CREATE PROCEDURE "p"() SELECT 1'),
        ("CREATE PROCEDURE `p`() SELECT DEFINER=`x`", "CREATE PROCEDURE `p`() SELECT DEFINER=`x`"),
    ],
)  # fmt: skip
def test_the_definer_is_taken_away(text: str, expected: str) -> None:
    """And nothing else that looks like one."""
    assert without_definer(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select `app`.`t`.`a` AS `a` from `app`.`t`", "select `t`.`a` AS `a` from `t`"),
        (("select `app`.`f`(`t`.`a`) AS `a` from (`app`.`t` join"
          " `other`.`u`)"), "select `f`(`t`.`a`) AS `a` from (`t` join `other`.`u`)"),
        ("select `app`.`a` AS `a` from `t` `app`", "select `app`.`a` AS `a` from `t` `app`"),
        ("select nextval(`app`.`s`) AS `n`", "select nextval(`s`) AS `n`"),
        ("select '`app`.`t`' AS `app`", "select '`app`.`t`' AS `app`"),
    ],
)  # fmt: skip
def test_a_view_is_freed_of_its_schemas_name(text: str, expected: str) -> None:
    """Where it is that; an alias may have the same name."""
    head = "CREATE ALGORITHM=UNDEFINED SQL SECURITY DEFINER VIEW `v` AS "
    assert loadable_view(head + text, "app") == head + expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 'ENABLE'", ("CREATE EVENT e ON SCHEDULE EVERY 1 DAY"
                                                                       " DISABLE ON SLAVE DO SELECT 'ENABLE'")),
        ("create event e on schedule every 1 day enable comment 'x' do set @a = 1",
            "create event e on schedule every 1 day DISABLE ON SLAVE comment 'x' do set @a = 1"),
        ("CREATE EVENT e ON SCHEDULE EVERY 1 DAY COMMENT 'do' DO SELECT 1",
            "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DISABLE ON SLAVE COMMENT 'do' DO SELECT 1"),
        (("CREATE EVENT e ON SCHEDULE EVERY 1 DAY DISABLE DO SELECT"
          " 1"), "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DISABLE DO SELECT 1"),
        ("CREATE EVENT `do` ON SCHEDULE EVERY 1 DAY DO SELECT 1", ("CREATE EVENT `do` ON SCHEDULE EVERY 1 DAY"
                                                                   " DISABLE ON SLAVE DO SELECT 1")),
        ("ALTER EVENT e ENABLE", "ALTER EVENT e DISABLE ON SLAVE"),
        ("ALTER EVENT e COMMENT 'ENABLE'", "ALTER EVENT e COMMENT 'ENABLE'"),
        ("ALTER EVENT e DO SELECT 1", "ALTER EVENT e DO SELECT 1"),
    ],
)  # fmt: skip
def test_an_event_can_be_made_asleep(text: str, expected: str) -> None:
    """However it was written: it must never run in the shadow."""
    assert asleep(text) == expected


# --- loading ------------------------------------------------------------------------------------------------------


def names(whole: Schema) -> list[str]:
    """The names in the order of loading."""
    return [each.name for each in in_load_order(whole)]


def test_views_are_loaded_after_what_they_need() -> None:
    """Whatever their names are."""
    whole = schema(
        view("a", "select `b`.`x` AS `x` from `b`"), view("b", ("select `c`.`x` AS `x` from (`c` join"
                                                                " `t`)")), view("c", "select `t`.`x` AS `x` from `t`"),
        table("t", "`x` int"), thing("function", "f", "CREATE FUNCTION `f`() RETURNS int RETURN 1"),
        thing("sequence", "s", "CREATE SEQUENCE `s` start with 1"),
    )  # fmt: skip
    assert names(whole) == ["s", "t", "f", "c", "b", "a"]


def test_views_that_seem_to_need_each_other_are_loaded_all_the_same() -> None:
    """An alias may have the name of another view."""
    whole = schema(view("a", "select `b`.`x` AS `x` from `t` `b`"), view("b", "select `a`.`x` AS `x` from `t` `a`"))
    assert sorted(names(whole)) == ["a", "b"]


def test_triggers_are_loaded_in_the_order_in_which_they_act() -> None:
    """Without FOLLOWS: each comes after those of its event that are there."""
    whole = schema(trigger("c"), trigger("a", on="s"), trigger("b"), trigger("a2"))
    assert names(whole) == ["a", "c", "b", "a2"]


def test_the_session_is_set_to_what_each_object_keeps_and_only_where_it_changes() -> None:
    """And never to DEFAULT; at the end it is as at the beginning."""
    whole = schema(
        table("t", "`a` int"), view("v", "select 1"), trigger("x"), trigger("y"),
        thing("procedure", "p", "CREATE PROCEDURE `p`() SELECT 1", sql_mode="ANSI_QUOTES"),
    )  # fmt: skip
    texts = [text for each, text in script(whole) if each is None]
    assert texts == [
        "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO', foreign_key_checks = 0",
        "SET SESSION collation_connection = utf8mb4_bin",
        "SET SESSION sql_mode = 'STRICT_TRANS_TABLES'",
        "SET SESSION sql_mode = 'ANSI_QUOTES'",
        "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO'",
    ]
    assert not any("DEFAULT" in text for text in texts)


def test_a_text_beyond_ascii_is_always_loaded_as_utf8() -> None:
    """The character set of the client only said how the text came."""
    text = "CREATE PROCEDURE `p`() SELECT 'é'"
    latin, utf8 = (thing("procedure", "p", text, character_set_client=name) for name in ("latin1", "utf8mb4"))
    assert compare(schema(latin), schema(utf8)) == ()
    assert load_statements(schema(latin)) == load_statements(schema(utf8))
    plain = thing("procedure", "p", "CREATE PROCEDURE `p`() SELECT 'e'", character_set_client="latin1")
    assert any("character_set_client = latin1" in statement for statement in load_statements(schema(plain)))


def test_keys_to_other_schemas_stay_out_of_the_shadow_and_count_as_they_were() -> None:
    """They would block changes of their parents, which are somebody's."""
    outside = "CONSTRAINT `out` FOREIGN KEY (`a`) REFERENCES `other`.`p` (`id`)"
    inside = "CONSTRAINT `in` FOREIGN KEY (`a`) REFERENCES `p` (`id`)"
    whole = schema(table("t", "`a` int COMMENT 'REFERENCES `x`.`y`'", "KEY `out` (`a`)", outside, inside))
    without = table("t", "`a` int COMMENT 'REFERENCES `x`.`y`'", "KEY `out` (`a`)", inside)
    assert for_shadow(whole.objects["table", "t"]) == without.create
    assert without_keys_elsewhere(without.create) == without.create
    last = table("t", "`a` int", inside, outside).create
    assert without_keys_elsewhere(last) == table("t", "`a` int", inside).create
    assert [d.part for d in compare(whole, schema(without))] == ["foreign key out"]
    assert compare(whole, with_left_out(schema(without), whole)) == ()
    assert outside in load_statements(whole)[1]


def test_broken_views_stay_out_of_the_shadow_and_count_as_they_were() -> None:
    """Nobody can load them; nor the views on them."""
    whole = schema(
        table("t", "`a` int"), view("good", ("with `q` (`n`) as (select `t`.`a` AS `a` from `t`) select `q`.`n` AS"
                                             " `n` from (`q` join `t`)")),
        view("gone", ("select `x`.`a` AS `a` from (`t` join"
                      " `x`)")), view("on_it", "select `gone`.`a` AS `a` from `gone`"),
        view("elsewhere", "select `other`.`g`() AS `a` from `other`.`u`"),
        view("calls", "select `F`(1) AS `a`"),
        view("miscalls", "select `t`.`a` AS `a`,`g`(1) AS `b` from `t`"),
        thing("function", "f", "CREATE FUNCTION `f`(x int) RETURNS int RETURN 1"),
    )  # fmt: skip
    made_there = {each.name for each, _ in script(whole, shadow=True) if each}
    assert made_there == {"t", "good", "elsewhere", "calls", "f"}
    copy = part_of(whole, {key for key in whole.objects if key[1] in made_there})
    assert compare(whole, with_left_out(copy, whole)) == ()


# --- across flavours ----------------------------------------------------------------------------------------------


def test_the_outline_of_the_same_migrations_is_the_same_on_mysql_and_mariadb() -> None:
    """Only what both write alike is left of a schema."""
    mysql = schema(
        table("t", "`id` int NOT NULL", "`data` json DEFAULT NULL", ("`at` timestamp NULL DEFAULT"
                                                                     " CURRENT_TIMESTAMP"), "PRIMARY KEY (`id`)",
              "KEY `k` (`at`,`id` DESC)", "KEY `expr` ((`id` + 1))", "UNIQUE KEY `u` (`at`)",
              ("CONSTRAINT `t_ibfk_1` FOREIGN KEY (`id`) REFERENCES `p` (`id`) ON DELETE CASCADE ON UPDATE"
               " RESTRICT"), "CONSTRAINT `c` CHECK ((`id` > 0))"),
        view("v", "select `t`.`id` AS `id` from `t` where (`t`.`id` > 1)"), trigger("x"),
    )  # fmt: skip
    mariadb = schema(
        table("t", "`id` int(11) NOT NULL", ("`data` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT"
                                             " NULL CHECK (json_valid(`data`))"),
              ("`at` timestamp NULL DEFAULT"
               " current_timestamp()"), "PRIMARY KEY (`id`)", "UNIQUE KEY `u` (`at`)", "KEY `k` (`at`,`id` DESC)",
              ("CONSTRAINT `1` FOREIGN KEY (`id`) REFERENCES `p` (`id`) ON UPDATE NO ACTION ON DELETE"
               " CASCADE"), "CONSTRAINT `c` CHECK (`id` > 0)",
              tail="ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci"),
        view("v", ("select `t`.`id` AS `id` from `t` where `t`.`id` >"
                   " 1")), trigger("x"), thing("sequence", "s", "CREATE SEQUENCE `s` start with 1"),
    )  # fmt: skip
    assert compare(mysql, mariadb)
    assert compare(outline(mysql), outline(mariadb)) == ()


@pytest.mark.parametrize(
    ("clauses", "part"),
    [
        (("`a` int", "`b` int", "KEY `k` (`a`)", "CONSTRAINT `f` FOREIGN KEY (`a`) REFERENCES `p` (`id`)"), None),
        (("`b` int", "`a` int", "KEY `k` (`a`)", ("CONSTRAINT `f` FOREIGN KEY (`a`) REFERENCES `p`"
                                                  " (`id`)")), "order of columns"),
        (("`a` int", "`c` int", "KEY `k` (`a`)", "CONSTRAINT `f` FOREIGN KEY (`a`) REFERENCES `p` (`id`)"), "column b"),
        (("`a` int", "`b` int", "UNIQUE KEY `k` (`a`)", ("CONSTRAINT `f` FOREIGN KEY (`a`) REFERENCES `p`"
                                                         " (`id`)")), "index k"),
        (("`a` int", "`b` int", "KEY `k` (`b`)", "CONSTRAINT `f` FOREIGN KEY (`a`) REFERENCES `p` (`id`)"), "index k"),
        (("`a` int", "`b` int", "KEY `k` (`a`)"), "foreign key (a)"),
        (("`a` int", "`b` int", "KEY `k` (`a`)", "CONSTRAINT `g` FOREIGN KEY (`a`) REFERENCES `p` (`id`)"), None),
        (("`a` int", "`b` int", "KEY `k` (`a`)", ("CONSTRAINT `f` FOREIGN KEY (`a`) REFERENCES `q`"
                                                  " (`id`)")), "foreign key (a)"),
        (("`a` int", "`b` int", "KEY `k` (`a`)", ("CONSTRAINT `f` FOREIGN KEY (`a`) REFERENCES `p` (`id`) ON DELETE"
                                                  " SET NULL")), "foreign key (a)"),
    ],
)  # fmt: skip
def test_an_outline_still_shows_what_matters(clauses: tuple[str, ...], part: str | None) -> None:
    """Columns and their order, indexes, foreign keys; not the names that servers give to keys."""
    expected = table(
        "t", "`a` int", "`b` int", "KEY `k` (`a`)", "CONSTRAINT `f` FOREIGN KEY (`a`) REFERENCES `p` (`id`)"
    )
    found = {d.part for d in compare(outline(schema(expected)), outline(schema(table("t", *clauses))))}
    assert found >= {part} if part else not found


# --- reading ------------------------------------------------------------------------------------------------------


def result(columns: str, *rows: tuple[object, ...]) -> Result:
    """The answer to a question."""
    return Result(tuple(columns.split(",")), rows, len(rows))


KEPT = "character_set_client,collation_connection,Database Collation"
TRIGGERS = f"Trigger,Event,Table,Statement,Timing,Created,sql_mode,Definer,{KEPT}"


def listed(*tables: str, grants: str = "GRANT ALL PRIVILEGES ON `app`.* TO `me`@`%`") -> Listed:
    """What is there, as a server answers."""
    return parse_listing(
        [
            result("a,b,c", ("app", "utf8mb4_bin", 0)),
            result(
                "t,k", *((name, "BASE TABLE") for name in tables), ("v", "VIEW"), ("schemagate_journal", "BASE TABLE")
            ),
            result("s,t,n", ("app", "PROCEDURE", "p"), ("App", "PROCEDURE", "theirs"), ("app", "PACKAGE", "k")),
            result("s,n,r", ("app", "e", 1)),
            result(
                TRIGGERS,
                ("x", "INSERT", "t", "SET @a = 1", "BEFORE", None, "", "root@%", "latin1", "latin1_bin", "utf8mb4_bin"),
            ),
            result("g", (grants,)),
        ]
    )


def answers(of: Listed, **texts: object) -> list[Result | Exception]:
    """The answers to `creates`, tables and all of one form."""
    found: list[Result | Exception] = []
    for kind, name in named(of):
        if kind == "table":
            found.append(
                result("Table,Create Table", (name, texts.get(name, f"CREATE TABLE `{name}` (`a` int) ENGINE=InnoDB")))
            )
        elif kind == "view":
            found.append(
                result(
                    "View,Create View,character_set_client,collation_connection",
                    ("v", "CREATE VIEW `v` AS select 1", "utf8mb4", "utf8mb4_bin"),
                )
            )
        elif kind == "trigger":
            create = texts.get(
                name, f"CREATE DEFINER=`root`@`%` TRIGGER `{name}` BEFORE INSERT ON `t` FOR EACH ROW SET @a = 1"
            )
            found.append(
                result(
                    f"Trigger,sql_mode,SQL Original Statement,{KEPT},Created",
                    (name, "", create, "latin1", "latin1_bin", "utf8mb4_bin", texts.get("made")),
                )
            )
        elif kind == "procedure":
            found.append(
                result(
                    "Procedure,sql_mode,Create Procedure,character_set_client,collation_connection,Database Collation",
                    (
                        "p",
                        "",
                        texts.get("p", "CREATE PROCEDURE `p`() SELECT 1"),
                        "utf8mb4",
                        "utf8mb4_bin",
                        "utf8mb4_bin",
                    ),
                )
            )
        elif kind == "event":
            found.append(
                result(
                    (
                        "Event,sql_mode,time_zone,Create Event,character_set_client,collation_connection,Database"
                        " Collation"
                    ),
                    (
                        "e",
                        "",
                        "SYSTEM",
                        "CREATE EVENT `e` ON SCHEDULE EVERY 1 DAY ON COMPLETION PRESERVE ENABLE DO SELECT 1",
                        "utf8mb4",
                        "utf8mb4_bin",
                        "utf8mb4_bin",
                    ),
                )
            )
        else:
            found.append(Result((), (), 0))
    return found  # fmt: skip


class Refused(Exception):
    """An answer that is an error."""

    def __init__(self, errno: int) -> None:
        super().__init__(errno)
        self.errno = errno


def test_a_listing_has_what_is_in_this_schema_and_is_not_ours() -> None:
    """Also where the server compares names of schemas without regard to case."""
    found = listed("t", "s")
    assert (found.tables, found.views, found.routines, found.events) == (
        ("s", "t"),
        ("v",),
        (("procedure", "p"),),
        (("e", True),),
    )
    assert found.unseen == {"package"}
    assert creates(found)[1:3] == ("SHOW CREATE TABLE `s`", "SHOW CREATE TABLE `t`")
    (for_reading,) = session_for_reading("mariadb")
    assert for_reading.startswith("SET SESSION sql_mode = '', time_zone = @@global.time_zone, sql_quote")
    assert for_reading.endswith("sql_select_limit = 18446744073709551615")
    assert "show_gipk" in session_for_reading("mysql")[0]


def test_a_schema_is_assembled_from_the_answers() -> None:
    """Each object with its kind; the triggers as the listing says, with their own text for a body."""
    of = listed("t")
    whole = assemble(of, answers(of), CHARSETS, "mysql")
    assert set(whole.objects) == {("table", "t"), ("view", "v"), ("procedure", "p"), ("event", "e"), ("trigger", "x")}
    assert whole.objects["trigger", "x"].create == "CREATE TRIGGER `x` BEFORE INSERT ON `t` FOR EACH ROW SET @a = 1"


@pytest.mark.parametrize(
    "header",
    [
        "CREATE DEFINER=`a`@`b` TRIGGER `x` BEFORE INSERT ON `t` FOR EACH ROW",
        "create trigger app . `for each row` /* FOR EACH ROW */ before insert on app.`t` for\teach -- ROW\n row",
        "CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW FOLLOWS `y`",
        'CREATE TRIGGER "for" BEFORE INSERT ON `each` FOR EACH ROW precedes /* it */ row',
        "CREATE TRIGGER app.for BEFORE INSERT ON app.for FOR EACH ROW",
    ],
)
def test_the_body_of_a_trigger_is_what_stands_behind_its_header(header: str) -> None:
    """However the header was typed; with all that the strings of the body were written with."""
    body = r"SET @a = 'can\'t', @b = 'FOR EACH ROW', @c = '^\\d'"
    assert trigger_body(f"{header} {body}") == trigger_body(f"{header}\n{body}") == body


def test_a_trigger_whose_header_cannot_be_read_makes_the_kind_unseen() -> None:
    """A name that only another sql_mode takes for one, with a quote in it that does not end."""
    of = listed("t")
    whole = assemble(
        of, answers(of, x='CREATE TRIGGER "x\\" BEFORE INSERT ON t FOR EACH ROW SET @a = 1'), CHARSETS, "mariadb"
    )
    assert "trigger" in whole.unseen
    assert ("table", "t") in whole.objects


@pytest.mark.parametrize("errno", [1142, 1227])
def test_a_trigger_that_may_not_be_read_makes_the_kind_unseen(errno: int) -> None:
    """And one that was dropped meanwhile is not there."""
    of = listed("t")
    refused = [*answers(of)[:-1], Refused(errno)]
    assert "trigger" in assemble(of, refused, CHARSETS, "mysql").unseen
    assert "trigger" not in fingerprint(of, refused)
    gone = assemble(of, [*answers(of)[:-1], Refused(1360)], CHARSETS, "mysql")
    assert ("trigger", "x") not in gone.objects
    assert "trigger" not in gone.unseen


@pytest.mark.parametrize("errno", [1142, 1227, 1305])
def test_a_refused_answer_makes_its_kind_unseen(errno: int) -> None:
    """Its fingerprint too is left out, and the others stay."""
    of = listed("t")
    refused = [Refused(errno) if "View" in getattr(answer, "columns", ()) else answer for answer in answers(of)]
    whole = assemble(of, refused, CHARSETS, "mysql")
    assert "view" in whole.unseen
    assert ("view", "v") not in whole.objects
    digests, all_digests = fingerprint(of, refused), fingerprint(of, answers(of))
    assert digests == {kind: digest for kind, digest in all_digests.items() if kind != "view"}


def test_a_body_that_is_hidden_makes_its_kind_unseen() -> None:
    """The routine of another account is there, and its text is NULL."""
    of = listed("t")
    assert "procedure" in assemble(of, answers(of, p=None), CHARSETS, "mysql").unseen
    assert "procedure" not in fingerprint(of, answers(of, p=None))


def test_a_table_dropped_meanwhile_is_not_there_and_any_other_error_is_raised() -> None:
    """What we do not know is nothing that we may leave out."""
    of = listed("t")
    gone = [Refused(1146) if "Table" in getattr(answer, "columns", ()) else answer for answer in answers(of)]
    assert ("table", "t") not in assemble(of, gone, CHARSETS, "mysql").objects
    with pytest.raises(Refused):
        assemble(of, [Refused(1812) if each is gone[1] else each for each in gone], CHARSETS, "mysql")


def test_the_fingerprint_sees_every_text_and_no_counter() -> None:
    """Bytes or text, names and texts apart."""
    of = listed("t", "u")
    text = "CREATE TABLE `t` (\n  `a` int\n) ENGINE=InnoDB AUTO_INCREMENT=%d DEFAULT CHARSET=latin1"
    one = fingerprint(of, answers(of, t=text % 5))
    assert one == fingerprint(of, answers(of, t=text % 6)) == fingerprint(of, answers(of, t=(text % 7).encode()))
    assert {"schema", "table", "view", "sequence", "trigger", "procedure", "function", "event"} == set(one)
    other = fingerprint(of, answers(of, t=text % 5 + " COMMENT='x'"))
    assert [kind for kind in one if one[kind] != other[kind]] == ["table"]
    trigger = fingerprint(of, answers(of, t=text % 5, x="CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW SET @a = 2"))
    assert [kind for kind in one if one[kind] != trigger[kind]] == ["trigger"]
    assert one == fingerprint(of, answers(of, t=text % 5, made="today"))
    renamed = listed("t", "w")
    assert one["table"] != fingerprint(renamed, answers(renamed, t=text % 5))["table"]


ALL_KINDS = {"table", "view", "sequence", "trigger", "procedure", "function", "event"}
GRANTS = [
    (["GRANT USAGE ON *.* TO `a`@`%`", "GRANT ALL PRIVILEGES ON `app`.* TO `a`@`%`"], set()),
    (["GRANT USAGE ON *.* TO `a`@`%` IDENTIFIED BY PASSWORD '*D8'"], ALL_KINDS),
    (["GRANT SELECT, SHOW VIEW ON `app`.* TO `a`@`%`"], {"trigger", "procedure", "function", "event"}),
    (["GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, EXECUTE ON `app`.* TO `a`@`%`"], set()),
    (["GRANT SELECT ON *.* TO `a`@`%`"], {"trigger", "event"}),
    ([("GRANT ALL PRIVILEGES ON *.* TO `a`@`%` WITH GRANT"
       " OPTION"), "REVOKE TRIGGER ON `app`.* FROM `a`@`%`"], {"trigger"}),
    (["GRANT ALL PRIVILEGES ON *.* TO `a`@`%`", "REVOKE TRIGGER ON `other`.* FROM `a`@`%`"], set()),
    (["GRANT ALL PRIVILEGES ON `ap_`.* TO `a`@`%`"], set()),
    (["GRANT ALL PRIVILEGES ON `ap\\_`.* TO `a`@`%`"], ALL_KINDS),
    (["GRANT ALL PRIVILEGES ON `a%`.* TO `a`@`%`"], set()),
    (["GRANT ALL PRIVILEGES ON `apps`.* TO `a`@`%`"], ALL_KINDS),
    (["GRANT SELECT, TRIGGER ON `app`.`t` TO `a`@`%`", "GRANT EXECUTE ON PROCEDURE `app`.`p` TO `a`@`%`"], ALL_KINDS),
    (["GRANT SELECT (`a`), INSERT ON `app`.* TO `a`@`%`"], ALL_KINDS),
    (["GRANT `role`@`%` TO `a`@`%`", "GRANT PROXY ON ``@`` TO `root`@`localhost`"], ALL_KINDS),
    (["GRANT SELECT ON `mysql`.`proc` TO `a`@`%`", "GRANT SELECT ON `app`.* TO `a`@`%`"], {"trigger", "event"}),
    (["GRANT SELECT ON `app`.* TO `a`@`%`", "GRANT SHOW_ROUTINE ON *.* TO `a`@`%`"], {"trigger", "event"}),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "unseen"), GRANTS)
def test_what_an_account_cannot_see_follows_from_its_rights(rows: list[str], unseen: set[str]) -> None:
    """A right on the whole schema shows a kind; a right on one table or routine does not."""
    assert unseen_kinds(rows, "app") == unseen
