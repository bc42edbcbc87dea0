"""`schemagate diff`, on real servers: each kind of side, and each verdict."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote as percent

import pytest

from schemagate.server import SQL_MODE
from tests.database.gate import Gate, last
from tests.database.world import ROOT
from tests.databases import Database

MIGRATION = """
CREATE TABLE customers (id INT NOT NULL PRIMARY KEY, name VARCHAR(50) NOT NULL, KEY by_name (name))
  CHARSET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE orders (
  id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, customer INT, status ENUM('new', 'paid') NOT NULL DEFAULT 'new',
  CONSTRAINT of_customer FOREIGN KEY (customer) REFERENCES customers (id)
) CHARSET utf8mb4 COLLATE utf8mb4_bin;
CREATE VIEW paid AS SELECT id FROM orders WHERE status = 'paid';
CREATE TRIGGER counting BEFORE INSERT ON orders FOR EACH ROW SET NEW.customer = 1;
CREATE PROCEDURE twice() BEGIN SELECT 1; SELECT 2; END;
"""
DRIFT = (
    f"SET SESSION sql_mode = '{SQL_MODE}'",
    "ALTER TABLE customers ADD note TEXT, DROP KEY by_name, MODIFY name VARCHAR(20) NOT NULL",
    "DROP VIEW paid",
    "DROP PROCEDURE twice",
    "CREATE PROCEDURE twice() BEGIN SELECT 1; SELECT ';;'; END",
    "CREATE TABLE stranger (id INT PRIMARY KEY)",
)
PARTS = {
    ("customers", "column name"), ("customers", "column note"), ("customers", "index by_name"), ("paid", ""),
    ("twice", "body"),
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """How the command ended, what it printed, and what it logged."""

    code: int
    text: str
    log: list[dict[str, Any]]

    @property
    def found(self) -> Any:
        """The JSON that was printed."""
        return json.loads(self.text)

    @property
    def last(self) -> Mapping[str, Any]:
        """The last line of the log."""
        return self.log[-1]


def diff(
    gate: Gate, *words: str, account: tuple[str, str] | None = None, unset: Collection[str] = (), **variables: str
) -> Answer:
    """Run the command, and see that no password is shown."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONWARNINGS": "error",
        "SCHEMAGATE_LOG_FORMAT": "json",
        **gate.database.environment(*(account or ())),
        "SCHEMAGATE_MIGRATIONS": str(gate.migrations),
        **variables,
    }
    done = subprocess.run(
        [sys.executable, str(ROOT / "entrypoint.py"), "diff", *words],
        cwd=gate.folder,
        env={name: value for name, value in environment.items() if name not in unset},
        text=True,
        capture_output=True,
        timeout=120,
        check=False,
    )
    for password in filter(None, (gate.database.server.password, account and account[1])):
        assert password not in done.stdout + done.stderr
    answer = Answer(
        done.returncode, done.stdout, [json.loads(line) for line in (done.stderr or done.stdout).splitlines()]
    )
    assert answer.last["exit_code"] == answer.code, done.stderr
    return answer


def url(database: Database, schema: str | None = None) -> str:
    """The URL of a schema on the server."""
    server = database.server
    account = f"{server.user}:{percent(server.password, safe='')}"
    return f"mysql://{account}@{server.host}:{server.port}/{schema or database.name}"


@pytest.fixture
def gate(database: Database, tmp_path: Path) -> Gate:
    """A live schema that is as its migrations and its snapshot say."""
    gate = Gate(database, tmp_path).write(**{"1_shop": MIGRATION})
    gate.run("snapshot")
    gate.run("up")
    return gate


def test_all_sides_are_equal_where_nothing_differs(gate: Gate) -> None:
    """Each kind of side with each other; the live schema is as it was."""
    before = gate.database.objects()
    file = str(gate.migrations / "schema.sql")
    plain = gate.folder / "plain.sql"
    plain.write_text(MIGRATION)
    for words in (
        (), ("live", "migrations"), ("migrations", "snapshot"), (file, "live"), (url(gate.database), "snapshot"),
        (str(plain), file),
    ):  # fmt: skip
        answer = diff(gate, *words)
        assert (answer.code, answer.last["event"]) == (0, "start.finished"), (words, answer)
        assert answer.text.endswith(" are equal.\n"), words
    assert gate.database.objects() == before


def test_what_differs_is_told_with_the_ddl_that_ends_it(gate: Gate) -> None:
    """From any side to any other; what no migration makes is a difference to neither snapshot nor migrations."""
    gate.database.run(*DRIFT)
    for words in (("live", "migrations"), ("snapshot", "live")):
        answer = diff(gate, *words, "--json")
        assert (answer.code, answer.last["event"], answer.last["differing"]) == (32, "schema.drift", 5), answer
        assert {(each["name"], each["part"]) for each in answer.found["differences"]} == PARTS
        assert answer.found["foreign"] == [{"kind": "table", "name": "stranger"}]
        assert (answer.found["equal"], answer.found["ddl_proven"], answer.found["not_compared"]) == (False, True, [])
    answer = diff(gate, "snapshot", url(gate.database), "--json")
    parts = {(each["name"], each["part"]) for each in answer.found["differences"]}
    assert parts == PARTS | {("stranger", "")}
    assert ("stranger", "") in {
        (each.get("name"), each.get("part")) for each in answer.found["ddl"] if each.get("adds")
    }


def test_the_ddl_brings_the_live_schema_to_the_snapshot(gate: Gate) -> None:
    """All of it through the server's own client: what loses is in comments, and the rest runs as it is."""
    gate.database.run("INSERT INTO customers VALUES (1, 'Ada')", *DRIFT)
    answer = diff(gate, "--sql")
    assert answer.code == 32
    assert "\n-- LOSES: its values\n-- ALTER TABLE `customers` DROP COLUMN `note`;\n" in answer.text
    run_by_client(gate.database, answer.text)

    answer = diff(gate, "--json")
    assert [(each["part"], each["to"]) for each in answer.found["differences"]] == [("column note", None)]
    run_by_client(gate.database, diff(gate, "--sql").text.replace("-- ALTER", "ALTER"))
    assert diff(gate).code == 0
    assert gate.database.rows("SELECT * FROM customers") == ((1, "Ada"),)


def test_the_index_that_a_nameless_key_has_left_behind_stays(database: Database, tmp_path: Path) -> None:
    """The server made it, and the key that comes back would take it for its own, under another name."""
    keys = "FOREIGN KEY (pid) REFERENCES p (id), FOREIGN KEY named (other) REFERENCES p (id)"
    made = f"CREATE TABLE p (id INT PRIMARY KEY); CREATE TABLE c (pid INT, other INT, {keys});"
    gate = Gate(database, tmp_path).write(**{"1_keys": made})
    gate.run("snapshot")
    gate.run("up")
    for (gone,) in database.rows(
        "SELECT constraint_name FROM information_schema.referential_constraints WHERE constraint_schema = DATABASE()"
    ):
        database.run(f"ALTER TABLE c DROP FOREIGN KEY {gone}")
        run_by_client(database, diff(gate, "--sql").text)
        assert diff(gate).code == 0
        gate.run("check")


def test_a_column_that_is_another_for_each_row_is_added_in_steps(database: Database, tmp_path: Path) -> None:
    """MySQL adds none with such a default; the rows that are there get values of their own."""
    columns = (
        "k CHAR(36) NOT NULL DEFAULT (UUID()) COMMENT 'a DEFAULT (b), NOT NULL'",
        "b VARCHAR(40) DEFAULT (CONCAT('x', UUID()))",
        "t TIMESTAMP NOT NULL DEFAULT '2020-01-01 00:00:00' ON UPDATE CURRENT_TIMESTAMP",
    )
    made = f"CREATE TABLE a (id INT PRIMARY KEY, {', '.join(columns)}, z INT, UNIQUE (k));"
    gate = Gate(database, tmp_path).write(**{"1_keys": made})
    database.run(f"CREATE TABLE a (id INT PRIMARY KEY, {columns[-1]}, z INT NOT NULL)")
    database.run("INSERT INTO a (id, z) VALUES (1, 1), (2, 2)")
    gate.run("snapshot")
    refused = last(gate.run(expected=32))
    database.run(*(each["sql"] for each in refused["ddl"]))
    assert {each["loses"] for each in refused["ddl"]} == {"nothing"}
    gate.run()
    assert database.value("SELECT COUNT(DISTINCT k) FROM a WHERE z = id") == 2
    database.run("ALTER TABLE a DROP COLUMN k")
    run_by_client(database, diff(gate, "--sql").text)
    assert diff(gate).code == 0
    assert {str(at) for (at,) in database.rows("SELECT t FROM a")} == {"2020-01-01 00:00:00"}


def run_by_client(database: Database, text: str) -> None:
    done = subprocess.run(
        database.server.client_command(database.name, "--default-character-set=utf8mb4"),
        env={"MYSQL_PWD": database.server.password},
        input=text,
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_people_see_both_sides_beside_each_other(gate: Gate) -> None:
    """Grouped by object; in colour on a terminal alone, and not with NO_COLOR."""
    gate.database.run(*DRIFT)
    answer = diff(gate)
    assert answer.text.startswith("    live  ")
    assert "table customers\n  ~ column name\n" in answer.text
    assert "  + only in snapshot\n" in answer.text
    assert "Left alone, since no migration makes it: table stranger\n" in answer.text
    assert "\x1b[" not in answer.text
    assert "\x1b[33m" in on_terminal(gate)
    assert "\x1b[" not in on_terminal(gate, NO_COLOR="1")


def on_terminal(gate: Gate, **variables: str) -> str:
    """What the command prints to a terminal."""
    import pty

    ours, theirs = pty.openpty()
    environment = {**gate.database.environment(), "SCHEMAGATE_MIGRATIONS": str(gate.migrations), **variables}
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "entrypoint.py"), "diff"],
        env=environment,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    text = b""
    try:
        while piece := os.read(ours, 65536):
            text += piece
    except OSError:  # how a terminal ends
        pass
    os.close(ours)
    assert process.wait(60) == 32
    return text.decode()


def test_the_url_of_a_side_need_not_be_typed(gate: Gate) -> None:
    """From a variable or a file, and typed alone it needs no settings."""
    gate.database.run(*DRIFT)
    secret = gate.folder / "url"
    secret.write_text(url(gate.database) + "\n")
    assert diff(gate, "url", "live", SCHEMAGATE_FROM_URL=url(gate.database)).code == 0
    assert diff(gate, "live", SCHEMAGATE_TO_URL_FILE=str(secret)).code == 0
    names = ("MYSQL_HOST", "MYSQL_PORT", "MYSQL_DATABASE", "MYSQL_USER", "MYSQL_PASSWORD", "SCHEMAGATE_MIGRATIONS")
    assert diff(gate, url(gate.database), url(gate.database), unset=names).code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["liv"], "FROM is neither live"),
        (["live", "no/such.sql"], "TO is a file that is not there"),
        (["live", "mysql://hunter2:hunter2@a/b/c"], "SCHEMAGATE_TO_URL cannot be read as mysql://"),
        (["live", "mysql://127.0.0.1"], "names user, password and database"),
        (["live", "snapshot", "hunter2"], "more words were typed"),
        (["url"], "FROM is neither live"),
    ],
)
def test_a_side_that_makes_no_sense_is_a_wrong_setting(gate: Gate, words: list[str], said: str) -> None:
    """And what was typed is not repeated: it may be a password."""
    answer = diff(gate, *words)
    assert (answer.code, answer.last["event"]) == (10, "settings.invalid")
    assert said in answer.last["message"]
    assert "hunter2" not in json.dumps(answer.log)


# --- what cannot be compared --------------------------------------------------------------------------------------


def incomparable(answer: Answer, reason: str) -> None:
    """Exit 33, with this reason in the log and in the answer, and never "equal"."""
    assert (answer.code, answer.last["event"]) == (33, "schema.not_comparable"), answer
    assert reason in answer.last["message"]
    assert "equal." not in answer.text
    assert "Not compared: " in answer.text


def test_a_kind_that_the_account_cannot_see_is_no_equality(gate: Gate) -> None:
    """What it does see is compared: a difference there is one."""
    account = gate.database.account("SELECT, SHOW VIEW ON {database}.*")
    incomparable(diff(gate, account=account), "may not see all of live")
    gate.database.run("ALTER TABLE customers DROP KEY by_name")
    answer = diff(gate, "--json", account=account, SCHEMAGATE_SHADOW="off")
    assert answer.code == 32
    assert [each["part"] for each in answer.found["differences"]] == ["index by_name"]
    assert {each["kind"] for each in answer.found["not_compared"]} >= {"trigger", "event"}


def test_without_a_shadow_texts_of_one_release_are_compared_and_nothing_else(gate: Gate) -> None:
    """Migrations, and texts of another release, need one."""
    assert diff(gate, SCHEMAGATE_SHADOW="off").code == 0
    incomparable(diff(gate, "live", "migrations", SCHEMAGATE_SHADOW="off"), "there is no shadow")
    snapshot = gate.migrations / "schema.sql"
    text = snapshot.read_text()
    version = f"{gate.database.server.flavour} 7.1.2"
    other = "\n".join(
        f"-- server:     {version}" if line.startswith("-- server:") else line for line in text.split("\n")
    )
    snapshot.write_text(other)
    assert diff(gate, SCHEMAGATE_SHADOW="off").code == 0  # equal text is equal
    snapshot.write_text(other.replace("KEY `by_name` (`name`)", "KEY `by_name` (`name`) COMMENT ''"))
    incomparable(diff(gate, SCHEMAGATE_SHADOW="off"), "there is no shadow")
    assert diff(gate).code == 0  # once this server has read it


def test_what_the_other_flavour_wrote_is_compared_in_outline_at_most(gate: Gate) -> None:
    """A file of it cannot be read here. Nor can its snapshot, but the migrations that it is of can be run."""
    snapshot, file = gate.migrations / "schema.sql", gate.folder / "other.sql"
    other = {"mysql": "mariadb 11.8.2", "mariadb": "mysql 9.7.4"}[gate.database.server.flavour]
    text = snapshot.read_text()
    text = "\n".join(f"-- server:     {other}" if line.startswith("-- server:") else line for line in text.split("\n"))
    file.write_text(text)
    incomparable(diff(gate, "live", str(file)), "of the other flavour")
    snapshot.write_text(text)
    assert diff(gate, "--json").found["proof"] == "replay"
    snapshot.write_text(text.replace("DEFAULT 'new'", "DEFAULT 'paid'"))
    incomparable(diff(gate), "the other flavour wrote schema.sql, and from other migrations than these")
    gate.database.run("ALTER TABLE customers DROP KEY by_name")
    answer = diff(gate, "--json")
    assert (answer.code, answer.found["proof"], answer.found["ddl"]) == (32, "outline", [])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "CREATE TABLE a (id INT);\nCREATE TABLE b (id INT, KEY (nowhere));\n",
            "refused.sql:2: this server refuses it: 1072",
        ),
        ("CREATE TABLE a (id INT);\nCALL something();\n", "refused.sql:2: what CALL does cannot be kept"),
    ],
)
def test_a_file_that_does_not_load_is_a_verdict_of_its_own(gate: Gate, text: str, reason: str) -> None:
    """With the line at which it ends."""
    gate.folder.joinpath("refused.sql").write_text(text)
    answer = diff(gate, "live", str(gate.folder / "refused.sql"))
    incomparable(answer, reason)
    assert "take that out of the file" in answer.last["message"]
