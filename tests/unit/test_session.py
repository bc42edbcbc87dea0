"""What a resumed file may rely on: variables, temporary tables and prepared statements of a session that is gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemagate.errors import MigrationInvalid
from schemagate.files import find
from schemagate.migrations import load
from schemagate.resuming import Resumption, resume
from schemagate.wording import named_variables


def resumed(directory: Path, text: str) -> Resumption:
    """How a file is resumed whose statements before `--` and a line of its own are applied."""
    before, _, rest = text.partition("\n--\n")
    (directory / "m.sql").write_text(f"{before}\n{rest}")
    (directory / "n.sql").write_text(before)
    all_of, applied = load(find(str(directory))).all
    return resume(all_of, applied.count + 1)


AGAIN = {
    "a plain value": ("SET @a = 1; INSERT INTO t VALUES (1);\n--\nINSERT INTO t VALUES (@a)", {1}),
    "two in one": ("SET @a = 1, @b = 'x'; CREATE TABLE t (x INT);\n--\nINSERT INTO t VALUES (@a, @b)", {1}),
    "what the rest sets itself": (
        (
            "SELECT @a := MAX(id) FROM t; INSERT INTO t VALUES (1);\n--\n"
            "SET @a = 5; INSERT INTO t VALUES (@a, 'me@a.example')"
        ),
        set(),
    ),
    "what the rest finds itself": (
        "SET @a = (SELECT 1 FROM t); INSERT INTO t VALUES (1);\n--\nSET @a = (SELECT 2); UPDATE t SET x = @a",
        set(),
    ),
    "INTO that answers a row": (
        (
            "SELECT MAX(id) INTO @a FROM t; INSERT INTO t VALUES (1);\n--\n"
            "SELECT MAX(id) INTO @a FROM t; UPDATE t SET x = @a"
        ),
        set(),
    ),
    "rows that nothing has changed since": (
        "CREATE TABLE u (x INT); SET @a = (SELECT MAX(id) FROM t);\n--\nUPDATE t SET x = @a",
        {2},
    ),
    "the session's variables, in order": (
        (
            "SET @old = @@sql_mode, sql_mode = ''; INSERT INTO t VALUES (1);\n--\n"
            "INSERT INTO t VALUES (2); SET sql_mode = @old"
        ),
        {1},
    ),
    "a variable made of another": (
        "SET @a = 1; INSERT INTO t VALUES (1); SET @b = CONCAT(@a, 'x'); SET @a = 2;\n--\nUPDATE t SET x = @b",
        {1, 3, 4},
    ),
    "what is prepared": (
        (
            "PREPARE p FROM 'INSERT INTO t VALUES (?)'; SET @a = 1; EXECUTE p USING @a;\n--\n"
            "EXECUTE p USING @a; DEALLOCATE PREPARE p"
        ),
        {1, 2},
    ),
    "what is prepared from a variable": (
        "SET @s = 'INSERT INTO t VALUES (1)'; PREPARE p FROM @s; EXECUTE p;\n--\nEXECUTE p",
        {1, 2},
    ),
    "a temporary table and its rows": (
        (
            "CREATE TEMPORARY TABLE x (id INT); INSERT INTO x VALUES (1); INSERT INTO t VALUES (1);"
            "UPDATE x SET id = 2;\n--\nINSERT INTO t SELECT id FROM x"
        ),
        {1, 2, 4},
    ),
    "a temporary table that was read beside a real one": (
        (
            "CREATE TEMPORARY TABLE x (id INT); INSERT INTO x VALUES (1);"
            "UPDATE t JOIN x AS y ON t.id = y.id SET t.n = 1;"
            "DELETE t FROM t JOIN x ON t.id = x.id WHERE x.id > 3;\n--\nINSERT INTO t SELECT id FROM x"
        ),
        {1, 2},
    ),
    "a temporary table that nobody needs any more": (
        (
            "CREATE TEMPORARY TABLE x (id INT); INSERT INTO t SELECT id FROM x; DROP TEMPORARY TABLE x;\n--\n"
            "INSERT INTO t VALUES (1)"
        ),
        set(),
    ),
    "a name that is used twice": (
        (
            "CREATE TEMPORARY TABLE x (id INT); CREATE TEMPORARY TABLE y SELECT id FROM x; DROP TABLE x;"
            "CREATE TEMPORARY TABLE x (n INT);\n--\nINSERT INTO t SELECT id FROM y; INSERT INTO t SELECT n FROM x"
        ),
        {1, 2, 3, 4},
    ),
    "a temporary table that hides a real one": (
        "CREATE TEMPORARY TABLE t (id INT); INSERT INTO u VALUES (1);\n--\nINSERT INTO t VALUES (1)",
        {1},
    ),
    "a lock of the file's own": ("DO GET_LOCK('app', 5); INSERT INTO t VALUES (1);\n--\nUPDATE t SET x = 1", {1}),
    "nothing to know": ("INSERT INTO t VALUES ('a@b'); CREATE TABLE u (x INT);\n--\nINSERT INTO t VALUES (1)", set()),
    "accounts": ("CREATE USER a@b; GRANT ALL ON x.* TO 'a'@'%';\n--\nCALL p(); DROP USER 'a'@`%`", set()),
}


@pytest.mark.parametrize("case", AGAIN)
def test_what_is_certain_to_be_the_same_is_run_again(tmp_path: Path, case: str) -> None:
    """And nothing else of what is applied."""
    text, again = AGAIN[case]
    assert resumed(tmp_path, text).again == again


LOST = {
    "a query, and rows changed since": (
        "SET @a = (SELECT MAX(id) FROM t); INSERT INTO t VALUES (1);\n--\nINSERT INTO t VALUES (@a)"
    ),
    "a query by SELECT": "SELECT @A := MAX(id) FROM t; INSERT INTO t VALUES (1);\n--\nUPDATE t SET x = @a",
    "a query by INTO": "SELECT MAX(id) INTO @a FROM t; INSERT INTO t VALUES (1);\n--\nUPDATE t SET x = @a",
    "INTO that may answer no row": (
        "SET @a = (SELECT MAX(id) FROM t); INSERT INTO t VALUES (1);\n--\n"
        "SELECT id INTO @a FROM t WHERE n = 1; UPDATE t SET x = @a"
    ),
    "counted while rows changed": "SET @a = 0; UPDATE t SET n = (@a := @a + 1);\n--\nINSERT INTO t VALUES (@a)",
    "made of what is lost": (
        "SET @b = (SELECT 1 FROM t); INSERT INTO t VALUES (1); SET @a = @b;\n--\nUPDATE t SET x = @a"
    ),
    "made of what it was before, and of what it is": (
        "SET @a = (SELECT 1 FROM t); INSERT INTO t VALUES (1); SET @a = 1, @b = @a;\n--\nUPDATE t SET x = @b"
    ),
    "the clock": "SET @a = NOW(); INSERT INTO t VALUES (1);\n--\nUPDATE t SET x = @a",
    "the clock without parentheses": "SET @a = CURRENT_TIMESTAMP; INSERT INTO t VALUES (1);\n--\nUPDATE t SET x = @a",
    "a variable of the server": "SET @a = @@GLOBAL.event_scheduler; CREATE TABLE t (x INT);\n--\nUPDATE t SET x = @a",
    "a function that may change rows": "SET @a = f();\n--\nUPDATE t SET x = @a",
    "what a procedure gave": "SET @a = 1; CALL p(@a);\n--\nUPDATE t SET x = @a",
    "what a procedure may have given": "CALL p();\n--\nUPDATE t SET x = @a",
    "what a prepared statement gave": "PREPARE p FROM @unknown; EXECUTE p;\n--\nUPDATE t SET x = @a",
    "a procedure that may read it": ("SELECT MAX(id) INTO @a FROM t; INSERT INTO t VALUES (1);\n--\nCALL p()"),
    "rows of a temporary table": (
        "CREATE TEMPORARY TABLE x SELECT id FROM t; UPDATE t SET n = 1;\n--\nINSERT INTO t SELECT id FROM x"
    ),
    "rows added to a temporary table": (
        "CREATE TEMPORARY TABLE x (id INT); INSERT INTO x SELECT id FROM t; UPDATE t SET n = 1;\n--\n"
        "INSERT INTO t SELECT id FROM x"
    ),
    "a temporary table that was changed with a real one": (
        "CREATE TEMPORARY TABLE x (id INT); UPDATE x y, t SET y.id = t.id;\n--\nINSERT INTO t SELECT id FROM x"
    ),
    "text prepared from what is lost": (
        "SELECT GROUP_CONCAT(id) INTO @s FROM t; INSERT INTO t VALUES (1); PREPARE p FROM @s;\n--\nEXECUTE p"
    ),
    "a setting of the session from rows": (
        "SET group_concat_max_len = (SELECT 5 FROM t); INSERT INTO t VALUES (1);\n--\nINSERT INTO t VALUES (2)"
    ),
    "the id of a row": "INSERT INTO t VALUES (NULL);\n--\nINSERT INTO u VALUES (LAST_INSERT_ID())",
    "the id of a row, by another name": "INSERT INTO t VALUES (NULL);\n--\nINSERT INTO u VALUES (@@IDENTITY)",
    "how many rows": "UPDATE t SET n = 1;\n--\nINSERT INTO u VALUES (ROW_COUNT())",
    "how many rows were found": "SELECT * FROM t LIMIT 1;\n--\nINSERT INTO u VALUES (FOUND_ROWS())",
    "an open handler": "HANDLER t OPEN; INSERT INTO t VALUES (1);\n--\nHANDLER t READ FIRST",
}


@pytest.mark.parametrize("case", LOST)
def test_what_only_the_old_session_knew_is_refused_before_anything_runs(tmp_path: Path, case: str) -> None:
    """It would be NULL, or another value than before: rows would be wrong without a word."""
    before, _, rest = LOST[case].partition("\n--\n")
    with pytest.raises(MigrationInvalid) as caught:
        resumed(tmp_path, f"{before}\n--\n\n{rest}")
    assert (caught.value.facts["file"], caught.value.facts["line"]) == ("m.sql", 3)
    assert "in front of statement" in caught.value.message


@pytest.mark.parametrize(
    ("text", "stand_ins"),
    [
        ("PREPARE p FROM 'INSERT INTO gone VALUES (1)'; EXECUTE p;\n--\nDEALLOCATE PREPARE p", ["p"]),
        ("CREATE TEMPORARY TABLE X SELECT id FROM t; UPDATE t SET n = 1;\n--\nDROP TABLE x; SELECT 1", ["x"]),
        ("CREATE TEMPORARY TABLE x (id INT); UPDATE t SET n = 1;\n--\nSELECT 1 FROM x; DROP TABLE x", []),
        ("CREATE TEMPORARY TABLE x (id INT); DROP TABLE x; UPDATE t SET n = 1;\n--\nDROP TABLE x", []),
    ],
)
def test_what_is_only_dropped_is_not_made_anew(tmp_path: Path, text: str, stand_ins: list[str]) -> None:
    """Something empty stands in for it: without, DROP TABLE would hit the real table that it hid."""
    assert [name for name, _ in resumed(tmp_path, text).stand_ins] == stand_ins


def test_an_id_that_may_be_that_of_a_row_of_before_is_looked_for_while_the_rest_runs(tmp_path: Path) -> None:
    """Whether the INSERT between gives it a new value depends on the rows."""
    rest = "INSERT INTO u VALUES (5); INSERT INTO v VALUES (LAST_INSERT_ID())"
    assert resumed(tmp_path, f"INSERT INTO t VALUES (NULL);\n--\n{rest}").insert_id_lost
    assert not resumed(tmp_path, f"CREATE TABLE t (id INT);\n--\n{rest}").insert_id_lost


def test_user_variables_are_told_from_what_looks_like_them() -> None:
    """System variables, accounts and addresses are none."""
    text = "SELECT @a, @`b c`, @'d e', @@sql_mode, 'x@y', @c.d FROM t WHERE u = root@localhost OR u = 'u'@'%'"
    assert named_variables(text) == {"@a", "@b c", "@d e", "@c.d"}
