"""What a literal says beside a column of bytes is the same with and without an introducer; elsewhere it is not."""

from __future__ import annotations

import pytest

from schemagate.flat import flat, joined
from schemagate.literals import without_binary


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CHECK ((`b` <> _binary'x'))", "CHECK ((`b` <> 'x'))"),
        ("CONSTRAINT `c` CHECK ((_binary'\\0' <> `b`))", "CONSTRAINT `c` CHECK (('\\0' <> `b`))"),
        ("CHECK ((`b` in (_binary'x',_binary'ü')))", "CHECK ((`b` in ('x','ü')))"),
        ("CHECK ((concat(`b`,_binary'y') <> _binary'x'))", "CHECK ((concat(`b`,'y') <> 'x'))"),
        ("CHECK ((`b` <> lower(_binary'X')))", "CHECK ((`b` <> lower(_binary'X')))"),
        ("CHECK ((`b` <> concat(_binary'x',_binary'y')))", "CHECK ((`b` <> concat(_binary'x',_binary'y')))"),
        ("CHECK (((`t` = 'x') or (`b` <> _binary'x')))", "CHECK (((`t` = 'x') or (`b` <> 'x')))"),
        ("CHECK ((`t` = _binary'x'))", "CHECK ((`t` = _binary'x'))"),
        ("CHECK ((substr(`b`,1,2) = _binary'x'))", "CHECK ((substr(`b`,1,2) = 'x'))"),
        ("CHECK ((lower(concat(_binary'A',hex(`b`))) = 'a'))", "CHECK ((lower(concat(_binary'A',hex(`b`))) = 'a'))"),
        ("CHECK ((hex(`b`) = _binary'A'))", "CHECK ((hex(`b`) = _binary'A'))"),
        ("`t` text AS (concat(`b`,_binary'x')) VIRTUAL", "`t` text AS (concat(`b`,'x')) VIRTUAL"),
        ("`b` blob DEFAULT (_binary'x')", "`b` blob DEFAULT (_binary'x')"),
    ],
)  # fmt: skip
def test_binary_is_nothing_beside_a_column_of_bytes(text: str, expected: str) -> None:
    """MySQL writes it into a check after an unrelated ALTER TABLE."""
    assert joined(without_binary(flat(text), {"`b`", "`b2`"})) == expected
