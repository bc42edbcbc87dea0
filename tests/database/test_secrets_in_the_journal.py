"""A secret is in no row that we write, whatever it is made of and wherever it turns up."""

from __future__ import annotations

import io
import itertools
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from schemagate import errors, journal
from schemagate.current import meet
from schemagate.database import Connection
from schemagate.log import make_log
from schemagate.ours import TABLES
from schemagate.refusals import ServerError
from schemagate.server import Server, working_session
from schemagate.sessions import open_session
from schemagate.settings import load_settings
from schemagate.stop import Stop
from tests.database.gate import Gate, last
from tests.databases import Database
from tests.unit.test_secrets import CHARACTERS, assert_hidden, forms

# A digit that is no letter at both ends, as there; and not too long for a key, in which errors show it.
SECRETS = st.builds(lambda text: f"4{text}²", st.text(CHARACTERS, min_size=2, max_size=12))
FEW = settings(
    max_examples=12,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),  # one schema for all examples, on purpose
)


def everything(database: Database) -> str:
    """All rows of all our tables, as text."""
    rows = (database.rows(f"SELECT * FROM {table}") for table in TABLES)
    return "\n".join(
        str(value) if not isinstance(value, bytes) else value.decode("utf-8", "replace")
        for row in itertools.chain.from_iterable(rows)
        for value in row
    )


@pytest.fixture
def here(database: Database) -> Iterator[tuple[Connection, Server]]:
    """A session as a start has it, and a table in which a value may stand once."""
    database.run("CREATE TABLE words (word VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PRIMARY KEY)")
    found = load_settings(database.environment() | {"SCHEMAGATE_MIGRATIONS": "/"}, {})
    session, greeting = meet(found, Stop(), make_log(found, io.StringIO()), to_write=True)
    session.close()
    opening = working_session(greeting.server.flavour, 5)
    with closing(open_session(found, database.name, opening)) as connection:
        yield connection, greeting.server


def stumble(connection: Connection, record: journal.Journal, secret: str, said: str) -> None:
    """Meet the secret in errors of the server, and in texts of which nobody knows where they come from."""
    literal = connection.literal(secret)
    connection.execute(f"REPLACE INTO words VALUES ({literal})")
    twice, wrong = f"INSERT INTO words VALUES ({literal})", f"SELECT {literal} FROM nowhere WHERE {literal} = = 1"
    for number, statement in enumerate((twice, wrong), start=1):
        entry = record.entry("m", number, 3, 1, "insert", bytes(32))
        record.begin(entry)
        with pytest.raises(ServerError) as refused:
            connection.execute(statement)
        record.close(entry, "failed", 0.1, errno=refused.value.errno, error=refused.value.text)
    more = record.entry("m", 3, 3, 1, "insert", bytes(32))
    record.close(more, "failed", 0.1, errno=1, error=said, note=said[:100])
    raise errors.StatementFailed(f"It failed: {said}.")


@FEW
@given(secret=SECRETS)
@example(secret="4''²")
@example(secret='4\\"%41²')
@example(secret="4\n\t²")
def test_no_row_has_a_secret(database: Database, here: tuple[Connection, Server], secret: str) -> None:
    """Not in an error of the server, quoted as servers quote; not in the host or the revision of a start; not in the
    message with which it ends; not from a URL.
    """
    connection, server = here
    variables = {
        "DATABASE_URL": f"mysql://gate:{quote(secret, safe='')}@db/{database.name}",
        "SCHEMAGATE_MIGRATIONS": "/",
        "SCHEMAGATE_STARTED_BY": f"pod {secret if secret.isprintable() else ''}",
        "SCHEMAGATE_REVISION": f"of {secret if secret.isprintable() else ''}",
    }
    database.run(*(f"DROP TABLE IF EXISTS {table}" for table in TABLES))
    found = load_settings(variables, {})
    said = " - ".join(sorted(forms(secret)))
    with pytest.raises(errors.StatementFailed), journal.recorded(connection, server, found, "up") as record:
        stumble(connection, record, secret, said)
    assert database.value("SELECT COUNT(*) FROM schemagate_journal") == 3
    assert database.value("SELECT message FROM schemagate_starts").startswith("It failed: ")
    assert_hidden(secret, everything(database))


def test_no_row_has_the_password_of_the_account(database: Database, tmp_path: Path) -> None:
    """Where a migration stumbles over it, in a real start; nor has anything that the start says."""
    gate, (user, password) = Gate(database, tmp_path), database.account("ALL ON {database}.*")
    gate.write(a_first="CREATE TABLE words (word VARCHAR(99) PRIMARY KEY);", b_second=f"DO '{password}';")
    gate.write(c_third=f"INSERT INTO words VALUES ('{password}'); INSERT INTO words VALUES ('{password}');")
    start = gate.run(expected=30, account=(user, password), SCHEMAGATE_STARTED_BY=f"host-{password}")
    assert last(start)["errno"] == 1062
    text = everything(database) + start.text + start.termination.read_text("utf-8")
    assert "1062" in text
    assert password not in text


LONG = "4 qzx jvwk xqj, zvkq wqz jxk vzqw, kjx qvz wxkj zq xvj kwq, zxj vkq xwjz qk vxz, jwq zkvx qj²"
# What servers say of a statement: that a value is there twice, is no number, fits nowhere, or cannot be read.
STUMBLING = {
    "twice": "INSERT INTO words VALUES ('${V}'), ('${V}')",
    "loud": "INSERT INTO words VALUES (UPPER('${V}')), (UPPER('${V}'))",
    "no_number": "INSERT INTO numbers VALUES (CONCAT('${V}', 'x') + 0)",
    "nowhere": "SELECT '${V}' FROM nowhere",
    "wrong": "SELECT '${V}' = = '${V}'",
    "bare": "SELECT ${V} FROM )",
    "default": "CREATE TABLE kept (word VARCHAR(99) DEFAULT '${V}'); ALTER TABLE kept ADD COLUMN n INT DEFAULT '${V}'",
    "called": "CREATE PROCEDURE p() SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '${V}'; CALL p()",
    "R_view": "CREATE OR REPLACE VIEW seen AS SELECT '${V}' AS w; CREATE OR REPLACE VIEW seen AS SELECT '${V}' FROM",
    "again": "SET @v = '${V}'; INSERT INTO words VALUES (@v), (@v)",
}


@settings(FEW, max_examples=6)
@given(secret=SECRETS, place=st.sampled_from(sorted(STUMBLING)))
@example(secret=LONG, place="wrong")
@example(secret=LONG, place="bare")
@example(secret=LONG, place="loud")
@example(secret=LONG, place="twice")
@example(secret="4'a²", place="twice")
@example(secret="4;a²", place="bare")
@example(secret="4é\n表²", place="called")
@example(secret="4é\n表²", place="again")
@example(secret="4é\n表²", place="R_view")
def test_no_value_of_a_variable_is_shown(database: Database, tmp_path: Path, secret: str, place: str) -> None:
    """Neither whole nor in parts: not in a line of the log, an error, the journal or the last word for Kubernetes;
    wherever a migration stumbles over it, and where it is refused because it would not stay in its place.
    """
    for table in (*TABLES, "words", "numbers", "kept"):
        database.run(f"DROP TABLE IF EXISTS {table}")
    database.run("DROP PROCEDURE IF EXISTS p", "DROP VIEW IF EXISTS seen")
    folder = tmp_path / "start"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    gate = Gate(database, folder)
    gate.write(a_first="CREATE TABLE words (word VARCHAR(99) PRIMARY KEY); CREATE TABLE numbers (n INT);")
    gate.write(**{place: STUMBLING[place]})
    variables = {"SCHEMAGATE_VAR_V": secret, "SCHEMAGATE_LOG_LEVEL": "debug"}
    for shadow in ("off", "auto"):
        start = gate.begin(environment=variables, SCHEMAGATE_SHADOW=shadow)
        assert start.wait() in (11, 14, 30, 31), start.text
        text = start.text + start.termination.read_text("utf-8")
        assert place in ("called", "again") or "${V}" in text  # a statement is shown as it is written
        if start.wait() != 11:
            text += everything(database)
        assert_hidden(secret, text)
        assert secret.upper() not in text
        # Digits alone are in numbers, clocks and the names of servers as well.
        assert not [part for part in parts(secret, 8) if part in text and not part.isdecimal()]


def parts(text: str, length: int) -> set[str]:
    return {text[at : at + length] for at in range(len(text) - length + 1)}


def test_a_password_that_is_a_word_hides_nothing_that_has_to_be_found_again(database: Database, tmp_path: Path) -> None:
    """In development they are such: `shop` for the database `shop`, and a migration of that name."""
    gate = Gate(database, tmp_path)
    for word in ("applied", "shop"):
        user, _ = database.account("ALL ON {database}.*")
        database.run(f"ALTER USER '{user}'@'%' IDENTIFIED BY '{word}'")
        gate.write(**{f"{word}_1": f"CREATE TABLE {word} (id INT); INSERT INTO {word} VALUES (1);"})
        gate.run(account=(user, word))
        gate.write(**{f"{word}_2": f"INSERT INTO {word} VALUES (2);"})
        gate.run(account=(user, word))
        assert database.value("SELECT COUNT(*) FROM schemagate_journal WHERE migration LIKE %s", f"{word}__") == 3


def test_what_is_healed_is_noted_without_the_values_of_placeholders(database: Database, tmp_path: Path) -> None:
    """They stand in the schema, and in no row of ours."""
    gate = Gate(database, tmp_path).write(a="CREATE TABLE a (id INT);\nCREATE VIEW v AS SELECT '${TOKEN}' AS token;")
    gate.run("snapshot", SCHEMAGATE_VAR_TOKEN="tok-4711")
    gate.run(SCHEMAGATE_VAR_TOKEN="tok-4711")
    database.run("DROP VIEW v")
    gate.run(SCHEMAGATE_VAR_TOKEN="tok-4711")
    ((statement,),) = database.rows("SELECT CONVERT(statement USING utf8mb4) FROM schemagate_healed")
    assert "VIEW" in statement
    assert "tok-4711" not in statement
    assert database.value("SELECT token FROM v") == "tok-4711"
