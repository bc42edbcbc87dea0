"""Does a value get into a statement where it was asked for, stay there, and never into what is said of it?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from schemagate.errors import MigrationInvalid
from schemagate.files import find
from schemagate.lexer import beginning, lexemes
from schemagate.migrations import Migrations, excerpt, load
from schemagate.refusals import ServerError
from schemagate.sources import Secret, Variables
from schemagate.sql import Statement, statements
from schemagate.variables import Filler, Problem, without_values
from tests.unit.test_secrets import CHARACTERS, SECRETS, assert_hidden, forms

QUICK = settings(max_examples=100, deadline=None, database=None)


def given_as(**values: str) -> Variables:
    return tuple((name, Secret(value)) for name, value in sorted(values.items()))


def filled(text: str, **values: str) -> tuple[list[Statement], list[Problem]]:
    filler = Filler(given_as(**values), "f.sql")
    return list(statements([text], "f.sql", filler)), filler.problems


def sent(text: str, **values: str) -> str:
    """The one statement of a text, with its values."""
    found, problems = filled(text, **values)
    assert not problems
    return found[0].text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT '${A}', \"${A}\", `${A}`, ${A}, x${A}y", "SELECT 'v1', \"v1\", `v1`, v1, xv1y"),
        ("SELECT '${A}${A}'", "SELECT 'v1v1'"),
        ("SELECT '$${A}', '$$${A}', '$$', '$ {A}', $$x ${A}$$", "SELECT '${A}', '$${A}', '$$', '$ {A}', $$x v1$$"),
        ("SELECT $js$ `$${x} ${A}` $js$", "SELECT $js$ `${x} v1` $js$"),
        ("SELECT a$b, c$d${A}", "SELECT a$b, c$dv1"),
        ("/*! SELECT ${A} */", "/*! SELECT v1 */"),
        ("SELECT /* ${A} ${ $${ */ 1 -- ${B}", "SELECT /* ${A} ${ $${ */ 1 -- ${B}"),
        ("SELECT 1 # ${B}\n, '${A}'", "SELECT 1 # ${B}\n, 'v1'"),
        ("-- ${B} is not asked for\nSELECT '${A}'", "SELECT 'v1'"),
        ("SELECT 'a''${A}\\'' , '\\\\', '${A}'", "SELECT 'a''v1\\'' , '\\\\', 'v1'"),
    ],
)
def test_where_values_are_put(text: str, expected: str) -> None:
    """Into strings, names and code; not into comments."""
    assert sent(text, A="v1") == expected


def test_a_body_has_its_values_with_and_without_delimiter() -> None:
    """Words that mean something in a body mean nothing as the name of a variable."""
    body = "CREATE PROCEDURE p() BEGIN SELECT '${END}'; SELECT `${BEGIN}` , ${IF}; END"
    values = {"END": "a;b", "BEGIN": "c", "IF": "5"}
    expected = "CREATE PROCEDURE p() BEGIN SELECT 'a;b'; SELECT `c` , 5; END"
    assert sent(f"{body};", **values) == expected
    assert sent(f"DELIMITER //\n{body}//\n", **values) == expected


@pytest.mark.parametrize(
    ("text", "value", "reason"),
    [
        ("SELECT '${A}'", "it's", "would end the string"),
        ("SELECT '${A}'", "\\", "would end the string"),
        ("SELECT '${A}'", "' OR '1", "would end the string"),
        ('SELECT "${A}"', 'a"b', "would end the string"),
        ("SELECT `${A}`", "a`b", "would end the name"),
        ("SELECT $x$ ${A} $x$", "$x$", "would end the dollar quotes"),
        ("SELECT ${A}", "1; DROP TABLE t", "would end the statement"),
        ("SELECT ${A}, 2", "1 -- ", "would end the statement"),
        ("SELECT ${A}, 2", "1 # ", "would end the statement"),
        ("SELECT 5 -${A}", "- 1", "would end the statement"),
        ("SELECT 5 /${A}, 2 */* 1*/ 2", "* 1", "would end the statement"),
        ("SELECT ${A}", "'", "would end the statement"),
        ("/*! SELECT ${A} */", "1 */ + 1", "would end the statement"),
        ("SELECT ${A}", "/*! 1 */", "would end the statement"),
        ("SET ${A} = 1", "GLOBAL x", "would end the statement"),
        ("${A} TABLE t", "DROP", "would end the statement"),
        ("CREATE ${A} v", "VIEW", "would end the statement"),
        ("CREATE PROCEDURE p() BEGIN SELECT ${A}; END", "1; END; DROP TABLE t", "would end the statement"),
    ],
)
def test_a_value_stays_in_its_place(text: str, value: str, reason: str) -> None:
    """It is refused where it would not, by the name of its variable."""
    _, problems = filled(text, A=value)
    assert [problem.text for problem in problems] == [problems[0].text]
    assert reason in problems[0].text
    assert "the value of ${A}" in problems[0].text


@QUICK
@given(st.text(CHARACTERS, max_size=12), st.sampled_from(["'{}' , 1", '"{}"', "`{}`", "{}", "1 -{} , 2", "$x$ {} $x$"]))
@example("''", "'{}' , 1")
@example("\\'", "'{}' , 1")
def test_whatever_the_value_is_a_statement_keeps_its_shape(value: str, place: str) -> None:
    """With a value that is let through there are as many statements, comments and lexemes around it as before."""
    text = f"SELECT {place.format('${A}')} FROM t /* end */"
    found, problems = filled(text, A=value)
    assume(not problems)
    assert found[0].text == text.replace("${A}", value)
    again = list(statements([f"{found[0].text};SELECT 1"], "f.sql"))
    assert [each.text for each in again] == [found[0].text, "SELECT 1"]
    assert [lexeme for kind, lexeme, _ in lexemes(found[0].text) if kind != "space"][-3:] == ["FROM", "t", "/* end */"]


@pytest.mark.parametrize("text", ["SELECT 1", "SELECT '$ {A}', '{A}', '$A', '$$'", "SELECT /* ${ */ 1 -- ${x}"])
def test_what_has_no_placeholder_is_not_touched(text: str) -> None:
    """It is the very same statement."""
    (statement,), problems = filled(text, A="v")
    assert (statement.text, statement.written, problems) == (text, None, [])


def loaded(directory: Path, values: dict[str, str] | None = None, **files: str) -> Migrations:
    for name, text in files.items():
        directory.joinpath(f"{name}.sql").write_text(text)
    return load(find(str(directory), given_as(**values or {})))


def test_what_has_no_value_is_told_all_at_once(tmp_path: Path) -> None:
    """With file and line, of all files; and what is meant as it stands, with the way to write it."""
    with pytest.raises(MigrationInvalid) as caught:
        loaded(
            tmp_path,
            {"A": "1"},
            a="SELECT\n  '${A}',\n  '${B}';",
            b="-- ${X}\nSELECT '{\"a\": \"${ b }\"}';\n\nSELECT `${C}`, '${B}', '${D_FILE}'",
        )
    assert caught.value.facts["problems"] == [
        "a.sql:3: ${B} has no value",
        "b.sql:2: ${ is not followed by a name and }",
        "b.sql:4: ${C} has no value",
        "b.sql:4: ${B} has no value",
        "b.sql:4: ${D_FILE} cannot have a value: a name does not end in _FILE, which says where to read one",
    ]
    assert caught.value.facts["file"] == "a.sql"
    assert caught.value.facts["line"] == 3
    assert caught.value.message.endswith(
        ". Set SCHEMAGATE_VAR_B and SCHEMAGATE_VAR_C; write $${ where ${ is meant as it stands."
    )


def test_a_value_that_is_refused_is_not_told(tmp_path: Path) -> None:
    """Its variable is."""
    with pytest.raises(MigrationInvalid) as caught:
        loaded(tmp_path, {"A": "hunter'2"}, a="SELECT\n\n'${A}'")
    assert caught.value.message == (
        "a.sql:1: the value of ${A} would end the string that it stands in. "
        "Give a value that stays in its place, or write the statement so that it does."
    ).replace("a.sql:1", "a.sql:3")
    assert "hunter" not in json.dumps(caught.value.facts)


def test_another_value_is_no_edit_but_in_what_is_repeatable(tmp_path: Path) -> None:
    """There it counts, for the file that uses it; the snapshot is that of the text in any case."""
    files = {"a": "SELECT '${A}'", "R_b": "SET @a = '${A}'", "R_c": "SET @b = '$${A}'", "R_d": "SET @a = '${B}'"}
    one = loaded(tmp_path, {"A": "1", "B": "x"}, **files)
    other = loaded(tmp_path, {"A": "2", "B": "x"})
    pairs = zip(one.all, other.all, strict=True)
    assert [left.name for left, right in pairs if left.checksums != right.checksums] == ["R_b"]
    assert one.sha256 == other.sha256
    assert one.digest != other.digest


def test_the_digest_of_files_has_the_values(tmp_path: Path) -> None:
    """So that a start with other ones looks; a variable without value is none, and no two sets are mixed up."""
    tmp_path.joinpath("a.sql").write_text("SELECT 1")
    sets = [{}, {"A": "1"}, {"A": "2"}, {"B": "1"}, {"A": "1", "B": "2"}, {"A": "1B\0", "B": "2"}]
    digests = [find(str(tmp_path), given_as(**values)).digest for values in sets]
    assert len(set(digests)) == len(sets)
    assert digests[0] == find(str(tmp_path)).digest


def test_a_file_read_anew_has_its_values(tmp_path: Path) -> None:
    """Long ones are not kept in memory."""
    text = "SELECT '${A}';" + "SELECT 1;" * 50_000 + "SELECT '${A} 2'"
    (migration,) = loaded(tmp_path, {"A": "v"}, a=text).all
    assert migration.kept is None
    found = [statement.text for statement in migration.statements()]
    assert (found[0], found[-1], len(found)) == ("SELECT 'v'", "SELECT 'v 2'", migration.count)


def test_an_excerpt_has_no_value() -> None:
    """It shows the placeholder."""
    (statement,), _ = filled("SELECT '${A}'  , 1", A="hunter2")
    assert excerpt(statement) == "SELECT '${A}' , 1"


@QUICK
@given(SECRETS, st.integers(0, 8), st.integers(1, 20))
def test_nothing_is_shown_of_a_value_that_a_server_cuts(value: str, start: int, length: int) -> None:
    """A server quotes from the middle of a statement, and not to its end: no four characters in a row are shown."""
    found, problems = filled("SELECT $x$ ${A} $x$", A=value)
    assert not problems
    frame = "near '***' at line 1"
    told = without_values(ServerError(1064, frame.replace("***", value[start : start + length])), found[0])
    assert told.errno == 1064
    assert not [part for part in fours(value) if part in told.text and part not in fours(frame)]
    told = without_values(ServerError(1064, " ".join(sorted(forms(value)))), found[0])
    assert_hidden(value, told.text)


def fours(text: str) -> set[str]:
    return {text[at : at + 4] for at in range(len(text) - 3)}


def test_what_another_session_runs_is_told_without_its_strings() -> None:
    """Nor is a part of one left where the text is cut, which nobody would know for a part of a secret."""
    assert beginning("SELECT 'a''b', `c`, \"d\", 1 FROM t") == "SELECT '…', `c`, '…', 1 FROM t"
    assert beginning(f"INSERT INTO t VALUES ('{'x' * 5000}')") == "INSERT INTO t VALUES ('…'"
    assert len(beginning("x" * 300)) == 200
