"""A comparison as people, machines and clients read it."""

from __future__ import annotations

import json
import re

from schemagate.ddl import Change, changes, script
from schemagate.printing import Comparison, as_sql, for_machines, for_people, together
from schemagate.schema import Schema, compare
from tests.unit.objects import schema, table, thing, view

ID = "`id` int NOT NULL"
BEFORE = schema(table("t", ID, "`a` varchar(9)", "`old` int", "KEY `k` (`a`)"), view("v", "select 1"))
AFTER = schema(
    table("t", ID, "`a` varchar(10)", "`new` int", "KEY `k` (`a`)", "KEY `l` (`new`)"),
    thing("procedure", "p", "CREATE PROCEDURE `p`() BEGIN SELECT 1; END -- so"),
)


def between(first: Schema, second: Schema) -> Comparison:
    """What `diff` would make of the two."""
    made = tuple(together(changes(second, first)))
    return Comparison(
        "live", "snapshot", compare(second, first), ddl=tuple(script(made, "utf8mb4_bin")) if made else ()
    )


def test_what_is_done_to_one_table_is_one_statement_and_what_loses_is_apart() -> None:
    """A table is rebuilt once for all that is safe."""
    made = list(together(changes(AFTER, BEFORE)))
    assert [each.sql for each in made if each.kind == "table"] == [
        "ALTER TABLE `t` ADD COLUMN `new` int AFTER `a`, MODIFY COLUMN `a` varchar(10), ADD KEY `l` (`new`)",
        "ALTER TABLE `t` DROP COLUMN `old`",
    ]
    assert [each.loses for each in made if each.kind == "table"] == [None, "its values"]
    assert next(each.part for each in made if each.kind == "table") == "column new, column a, index l"


def test_foreign_keys_are_statements_of_their_own() -> None:
    """And so is what is done to another table, or to one that keeps its history."""
    apart = [
        Change("table", "t", "column a", "ALTER TABLE `t` ADD COLUMN `a` int", adds=True),
        Change("table", "u", "column a", "ALTER TABLE `u` ADD COLUMN `a` int", adds=True),
        Change("table", "u", "foreign key f", "ALTER TABLE `u` ADD CONSTRAINT `f` FOREIGN KEY (`a`) …", adds=True),
        Change("table", "u", "index k", "SET STATEMENT x = KEEP FOR ALTER TABLE `u` ADD KEY `k` (`a`)", adds=True),
    ]
    assert list(together(apart)) == apart


def test_a_client_can_run_all_of_it() -> None:
    """What loses is in comments, line by line; bodies have their delimiter, also behind a comment at their end."""
    text = as_sql(between(BEFORE, AFTER))
    assert "-- LOSES: its values\n-- ALTER TABLE `t` DROP COLUMN `old`;\n" in text
    assert "\nDELIMITER ;;\nCREATE PROCEDURE `p`() BEGIN SELECT 1; END -- so\n;;\nDELIMITER ;" in text
    assert "\nDROP VIEW `v`;\n" in text
    lost = as_sql(between(schema(table("gone", ID)), Schema()))
    assert [line for line in lost.splitlines() if not line.startswith(("--", "SET "))] == []


def test_machines_read_one_object() -> None:
    """With each difference from both sides, and each statement with what it can lose."""
    found = json.loads(for_machines(between(BEFORE, AFTER)))
    assert (found["from"], found["to"], found["equal"]) == ("live", "snapshot", False)
    assert {"kind": "table", "name": "t", "part": "column old", "from": "`old` int", "to": None} in found["differences"]
    lossy = [each for each in found["ddl"] if each.get("loses")]
    assert [(each["sql"], each["adds"]) for each in lossy] == [("ALTER TABLE `t` DROP COLUMN `old`", False)]
    assert found["ddl"][0] == {"sql": "SET NAMES utf8mb4", "session": True}


def test_people_see_both_sides_in_two_columns_of_the_width_that_there_is() -> None:
    """Long texts are folded, and of long bodies the lines that differ are shown."""
    body = "\n".join(f"SELECT {number};" for number in range(20))
    before = thing("procedure", "p", f"CREATE PROCEDURE `p`()\nBEGIN\n{body}\nEND")
    after = thing("procedure", "p", f"CREATE PROCEDURE `p`()\nBEGIN\n{body.replace('SELECT 7;', 'SELECT 77;')}\nEND")
    long = table("t", ID, f"`a` enum({','.join(repr(f'value-{number}') for number in range(30))})")
    found = between(schema(before, table("t", ID)), schema(after, long))
    text = for_people(found, width=80, colour=False).partition("\n\n--")[0]
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "    SELECT 7;                             SELECT 77;" in text
    assert "SELECT 6;" not in text
    assert text.count("…") == 2
    assert re.search(r"^table t\n  \+ column a\n", text, re.MULTILINE)
    coloured = for_people(found, width=80, colour=True)
    assert re.sub(r"\x1b\[\d*m", "", coloured).partition("\n\n--")[0] == text


def test_a_terminal_is_not_told_what_to_do() -> None:
    """By a name or a comment, in the DDL too; `--sql` has them as they are, for that is run."""
    found = between(schema(table("t", ID)), schema(table("t", ID, "`a\x1b]0;x` int COMMENT '\x1b[2J'")))
    shown, _, ddl = for_people(found, width=80, colour=False).partition("\n\n--")
    assert "\x1b" not in shown
    assert "column a\\x1b]0;x" in shown
    assert "\x1b" not in ddl
    assert "COMMENT '\\x1b[2J'" in ddl
    assert "--sql has the statements as they are" in ddl
    assert "COMMENT '\x1b[2J'" in as_sql(found)


def test_what_is_equal_says_so_and_what_was_not_compared_never_does() -> None:
    """The word is kept for the one case."""
    assert for_people(Comparison("live", "snapshot"), width=80, colour=False) == "live and snapshot are equal."
    part = Comparison("live", "snapshot", not_compared=(("trigger", "hidden"),), foreign=(("table", "x"),))
    assert for_people(part, width=80, colour=False) == (
        "Not compared: trigger: hidden\nLeft alone, since no migration makes it: table x"
    )
    assert json.loads(for_machines(part))["equal"] is False
