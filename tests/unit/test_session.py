"""What a resumed file may rely on: its user variables were those of a session that is gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemagate.errors import MigrationInvalid
from schemagate.files import find
from schemagate.migrations import load
from schemagate.plan import Todo
from schemagate.session import refuse_lost_variables, variables_of
from schemagate.sql import Statement


def resumed(directory: Path, text: str, first: int) -> Todo:
    (directory / "m.sql").write_text(text)
    return Todo(load(find(str(directory))).all[0], first)


@pytest.mark.parametrize(
    "text",
    [
        "SET @a = 1; INSERT INTO t VALUES (1); INSERT INTO t VALUES (@a)",
        "SET @a = 1, @b = 'x'; CREATE TABLE t (x INT); INSERT INTO t VALUES (@a, @b)",
        "SELECT @a := 5; INSERT INTO t VALUES (1); SET @a = 5; INSERT INTO t VALUES (@a, 'me@a.example')",
        "SET @a = (SELECT 1); SELECT 1; SET @a = (SELECT 2); UPDATE t SET x = @a",
        "SELECT 1 INTO @a; SELECT 1; SELECT 2 INTO @a; UPDATE t SET x = @a",
        "SET @old = @@sql_mode; INSERT INTO t VALUES (1); SET sql_mode = @old",
    ],
)
def test_what_can_be_set_again_is_no_reason_to_refuse(tmp_path: Path, text: str) -> None:
    """A SET of plain values is run again; a variable that the rest sets itself, or does not read, is not missed."""
    refuse_lost_variables(resumed(tmp_path, text, 3))


@pytest.mark.parametrize(
    "text",
    [
        "SET @a = (SELECT MAX(id) FROM t); INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (@a)",
        "SELECT @A := MAX(id) FROM t; INSERT INTO t VALUES (1);\nUPDATE t SET x = @a",
        "SELECT MAX(id) INTO @a FROM t; INSERT INTO t VALUES (1);\nUPDATE t SET x = @a",
        "SELECT @a := 5; SELECT 1;\nSET @a = @a + 1",
        "SELECT 1 INTO @b; SET @a = @b;\nUPDATE t SET x = @a",
    ],
)
def test_a_variable_that_is_lost_is_refused_before_anything_runs(tmp_path: Path, text: str) -> None:
    """It would be NULL, or another value than before: rows would be wrong without a word."""
    with pytest.raises(MigrationInvalid) as caught:
        refuse_lost_variables(resumed(tmp_path, text, 3))
    assert (caught.value.facts["file"], caught.value.facts["line"]) == ("m.sql", 2)
    assert "Set it again" in caught.value.message


def test_user_variables_are_told_from_what_looks_like_them() -> None:
    """System variables, accounts and addresses are none."""
    text = "SELECT @a, @`b c`, @@sql_mode, 'x@y', @c.d FROM t /* root@localhost */"
    assert variables_of(Statement(text.encode(), 1, 1)) >= {"a", "c.d"}
    assert not {"sql_mode", "y", "localhost"} & variables_of(Statement(text.encode(), 1, 1))
