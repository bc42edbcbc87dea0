"""Which data statement an EXECUTE runs is known where its file shows it for certain, and nowhere else."""

from __future__ import annotations

import pytest

from schemagate.prepared import Prepared
from schemagate.sql import statements


def last(text: str) -> str | None:
    """The text of what the last statement executes, as far as it is known to be data."""
    prepared, data = Prepared(), None
    for statement in statements([text], "x.sql"):
        data = prepared.data(statement, statement.kind)
        prepared.note(statement, statement.kind)
    return data.text if data else None


KNOWN = {
    "a string": "PREPARE p FROM 'INSERT INTO t VALUES (?)'; SET @a = 1; EXECUTE p USING @a",
    "a name in other letters, in backticks": "PREPARE `P` FROM 'INSERT INTO t VALUES (?)'; EXECUTE p",
    "doubled quotes": "PREPARE p FROM 'UPDATE t SET a = ''x'''; EXECUTE p",
    "the newest of that name": "PREPARE p FROM 'DELETE FROM u'; PREPARE p FROM 'DELETE FROM t'; EXECUTE p",
    "several, with one that is gone": (
        "PREPARE p FROM 'REPLACE INTO t VALUES (1)'; PREPARE q FROM 'DELETE FROM u'; DEALLOCATE PREPARE q; EXECUTE p"
    ),
    "after another that is known": (
        "PREPARE p FROM 'DELETE FROM t'; PREPARE q FROM 'DELETE FROM u'; EXECUTE q; EXECUTE p"
    ),
}
UNKNOWN = {
    "no PREPARE": "EXECUTE p",
    "one that is gone": "PREPARE p FROM 'DELETE FROM t'; DEALLOCATE PREPARE p; EXECUTE p",
    "one that is dropped": "PREPARE p FROM 'DELETE FROM t'; DROP PREPARE p; EXECUTE p",
    "a variable": "SET @s = 'DELETE FROM t'; PREPARE p FROM @s; EXECUTE p",
    "a variable in the place of a string": "PREPARE p FROM 'DELETE FROM t'; PREPARE p FROM @s; EXECUTE p",
    "several strings": "PREPARE p FROM 'DELETE' ' FROM t'; EXECUTE p",
    "no data": "PREPARE p FROM 'DROP TABLE t'; EXECUTE p",
    "a call": "PREPARE p FROM 'CALL p()'; EXECUTE p",
    "a hint": "PREPARE p FROM 'DELETE FROM t /*!80000 , u */'; EXECUTE p",
    "a procedure in between, which may prepare as well": "PREPARE p FROM 'DELETE FROM t'; CALL x(); EXECUTE p",
    "an unknown one in between": "PREPARE p FROM 'DELETE FROM t'; EXECUTE q; EXECUTE p",
    "a mode in which strings are names": "SET sql_mode = 'ANSI_QUOTES'; PREPARE p FROM 'DELETE FROM t'; EXECUTE p",
    "a character set in which strings are others": "SET NAMES gbk; PREPARE p FROM 'DELETE FROM t'; EXECUTE p",
    "the text itself": "PREPARE immediate FROM 'DELETE FROM t'; EXECUTE IMMEDIATE 'DROP TABLE t'",
}


@pytest.mark.parametrize("case", KNOWN)
def test_data_is_known_where_the_file_shows_it(case: str) -> None:
    """It is run in a transaction with its entry, as if it stood there itself."""
    found = last(KNOWN[case])
    assert found is not None
    assert found.split()[0] in ("INSERT", "UPDATE", "DELETE", "REPLACE")
    assert " u" not in found


@pytest.mark.parametrize("case", UNKNOWN)
def test_what_nobody_can_know_is_not_guessed(case: str) -> None:
    """It has an entry before it is run."""
    assert last(UNKNOWN[case]) is None
