"""What hashes say of a statement that was begun, and which objects it can have changed."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from schemagate.hashes import Known, hash_of
from schemagate.schema import Schema
from schemagate.sql import statements
from schemagate.traces import APPLIED, NOT_APPLIED, OTHER, REST, SAME, Trace
from tests.unit.objects import schema, table, trigger, view

A, B, C = "a" * 16, "b" * 16, "c" * 16


@pytest.mark.parametrize(
    ("before", "predicted", "found", "verdict"),
    [
        # rehearsed
        ({"table t": A}, {"table t": B}, {"table t": A}, NOT_APPLIED),
        ({"table t": A}, {"table t": B}, {"table t": B}, APPLIED),
        ({"table t": A}, {"table t": B}, {"table t": C}, OTHER),
        ({"table t": None}, {"table t": B}, {"table t": None}, NOT_APPLIED),
        ({"table t": A}, {"table t": None}, {"table t": None}, APPLIED),
        ({"table t": A}, {"table t": A}, {"table t": A}, SAME),
        ({"table t": A}, {"table t": A}, {"table t": B}, OTHER),
        ({"table t": A, "table u": A}, {"table t": None, "table u": None}, {"table t": None, "table u": A}, OTHER),
        ({"table t": A, "view v": A}, {"table t": B, "view v": A}, {"table t": B, "view v": A}, APPLIED),
        # not rehearsed
        ({"table t": A, REST: A}, None, {"table t": A, REST: B}, NOT_APPLIED),
        ({"table t": A, REST: A}, None, {"table t": B, REST: A}, APPLIED),
        ({"table t": A, REST: A}, None, {"table t": None, REST: A}, APPLIED),
        ({"table t": A, REST: A}, None, {"table t": B, REST: B}, OTHER),
        # not rehearsed, and need not change anything
        ({"table t": A, REST: A}, {}, {"table t": A, REST: A}, SAME),
        ({"table t": A, REST: A}, {}, {"table t": B, REST: A}, APPLIED),
        ({"table t": A, REST: A}, {}, {"table t": None, REST: A}, OTHER),
        ({"table t": A, REST: A}, {}, {"table t": B, REST: B}, OTHER),
    ],
)
def test_verdicts(
    before: Mapping[str, str | None],
    predicted: Mapping[str, str | None] | None,
    found: Mapping[str, str | None],
    verdict: str,
) -> None:
    """As before, as predicted, neither, or no telling."""
    assert Trace(before, predicted).verdict(found) == verdict


SCHEMA = schema(
    table("p", "`id` int NOT NULL", "PRIMARY KEY (`id`)"),
    table("k", "`id` int NOT NULL", "CONSTRAINT `of_p` FOREIGN KEY (`id`) REFERENCES `p` (`id`)"),
    table("Other", "`id` int NOT NULL"),
    view("v", "select `p`.`id` AS `id` from `p`"),
    view("w", "select `v`.`id` AS `id` from `v`"),
    trigger("first", on="p"),
    trigger("second", on="p"),
    trigger("elsewhere", on="k"),
)
ALL_ON_P = {"table p", "table k", "table v", "table w", "trigger first", "trigger second"}


@pytest.mark.parametrize(
    ("text", "reach"),
    [
        ("ALTER TABLE p ADD COLUMN n INT", ALL_ON_P),
        ("ALTER TABLE `live`.p ADD COLUMN n INT", ALL_ON_P),
        ("RENAME TABLE p TO q", ALL_ON_P | {"table q"}),
        ("DROP TABLE p, nope", ALL_ON_P | {"table nope"}),
        ("CREATE INDEX i ON p (id)", ALL_ON_P),
        ("CREATE TABLE fresh (id INT, FOREIGN KEY (id) REFERENCES p (id))", {"table fresh"}),
        ("CREATE VIEW x AS SELECT * FROM p JOIN k", {"table x"}),
        ("CREATE OR REPLACE VIEW v AS SELECT 1", {"table v", "table w"}),
        (
            "CREATE TRIGGER third BEFORE INSERT ON p FOR EACH ROW SET @a = 1",
            {"trigger third", "trigger first", "trigger second"},
        ),
        ("DROP TRIGGER First", {"trigger first", "trigger second"}),
        ("CREATE PROCEDURE Fill() INSERT INTO p VALUES (1)", {"procedure fill"}),
        ("ALTER EVENT e RENAME TO f", {"event e", "event f"}),
        ("ALTER TABLE other ADD COLUMN n INT", {"table other"}),
        ("ALTER TABLE elsewhere.p ADD COLUMN n INT", set()),
        ("RENAME TABLE p TO elsewhere.p", ALL_ON_P),
        ("ALTER TABLE schemagate_journal ADD COLUMN n INT", set()),
    ],
)
def test_what_a_statement_can_change(text: str, reach: set[str]) -> None:
    """What it names in this schema, and what depends on that."""
    (statement,) = statements([text], "file.sql")
    assert Known(SCHEMA, folds=False).reach(statement.names, statement.kind, "live") == reach


def test_names_are_folded_where_the_server_folds_them() -> None:
    """Those of tables only there."""
    (statement,) = statements(["ALTER TABLE OTHER ADD COLUMN n INT"], "file.sql")
    for folds, there in ((True, "table other"), (False, "table OTHER")):
        known = Known(SCHEMA, folds=folds)
        assert known.reach(statement.names, statement.kind, "live") == {there}
        assert (known.hash(there) is not None) == folds


def test_a_hash_is_that_of_the_normal_form() -> None:
    """The order of indexes does not count, that of columns does; a key to another schema counts only in the whole."""
    one = table("t", "`a` int", "`b` int", "KEY `x` (`a`)", "KEY `y` (`b`)")
    assert hash_of(one) == hash_of(table("t", "`a` int", "`b` int", "KEY `y` (`b`)", "KEY `x` (`a`)"))
    assert hash_of(one) == hash_of(table("u", "`a` int", "`b` int", "KEY `x` (`a`)", "KEY `y` (`b`)"))
    assert hash_of(one) != hash_of(table("t", "`b` int", "`a` int", "KEY `x` (`a`)", "KEY `y` (`b`)"))
    assert hash_of(one) != hash_of(table("t", "`a` int", "`b` int", "KEY `x` (`a`)"))
    outside = "CONSTRAINT `o` FOREIGN KEY (`a`) REFERENCES `elsewhere`.`p` (`id`)"
    with_key, without = table("t", "`a` int", outside), table("t", "`a` int")
    assert hash_of(with_key) != hash_of(without)
    assert hash_of(with_key, whole=False) == hash_of(without, whole=False)


@pytest.mark.parametrize(
    ("names", "swaps"),
    [
        (["a", "c", "b", "a", "c", "b"], True),
        (["a", "c"], False),
        (["a", "c", "other", "a", "c", "other"], False),
    ],
)
def test_a_swap_of_equal_tables_cannot_be_seen(names: list[str], swaps: bool) -> None:
    """Any other RENAME can."""
    known = Known(schema(table("a", "`id` int"), table("b", "`id` int"), table("other", "`n` int")), folds=False)
    assert known.swaps(names) == swaps


def test_the_rest_is_all_but_these() -> None:
    """One hash of all others, which changes with any of them."""
    known = Known(SCHEMA, folds=False)
    before = known.rest({"table p"})
    known.put("table p", None)
    assert known.rest({"table p"}) == before
    known.put("table Other", table("Other", "`id` bigint NOT NULL"))
    assert known.rest({"table p"}) != before
    assert Known(Schema(), folds=False).rest(()) == Known(Schema(), folds=False).rest({"table x"})
