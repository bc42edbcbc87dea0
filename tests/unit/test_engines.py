"""The tables that a statement of data changes, and not those that it only reads."""

from __future__ import annotations

import pytest

from schemagate.engines import changed_by
from schemagate.sql import statements


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("INSERT INTO a VALUES (1)", "a"),
        ("INSERT INTO a SELECT * FROM b JOIN c", "a"),
        ("REPLACE a SELECT f(b.id) FROM b", "a"),
        ("/* why */ INSERT INTO a SELECT 1 FROM b", "a b"),
        ("UPDATE a SET n = (SELECT MAX(n) FROM b)", "a"),
        ("UPDATE LOW_PRIORITY a x SET n = 1 WHERE id IN (SELECT id FROM b)", "a"),
        ("UPDATE a JOIN b ON a.id = b.id SET a.n = b.n", "a"),
        ("UPDATE a x JOIN b AS y ON x.id = y.id SET y.n = x.n", "b"),
        ("UPDATE s.a JOIN b SET s.a.n = 1", "a"),
        ("UPDATE a, b SET n = 1", "a b"),
        ("DELETE FROM a WHERE id IN (SELECT id FROM b)", "a"),
        ("DELETE QUICK IGNORE FROM a WHERE id IN (SELECT id FROM b)", "a"),
        ("DELETE a FROM a JOIN b", "a"),
        ("DELETE LOW_PRIORITY x FROM a AS x JOIN b AS y", "a"),
        ("DELETE FROM a USING a JOIN b", "a"),
        ("DELETE a, b FROM a JOIN b JOIN c", "a b"),
        ("WITH w AS (SELECT id FROM b) DELETE FROM a WHERE id IN (SELECT id FROM w)", "b a w"),
    ],
)
def test_only_what_is_changed_counts_where_the_text_tells(text: str, changed: str) -> None:
    """Where it does not tell, all that is named may be changed."""
    (found,) = statements([text], "a.sql")
    assert [name.name for name in changed_by(found, found.kind)] == changed.split()
