"""The account that the official images make for an application: all rights on its own schema, and none beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.database.gate import Gate, last, said
from tests.database.shipped import MIGRATIONS, files
from tests.database.world import private_database
from tests.databases import Database
from tests.instances import Instance

OWN = "ALL ON {database}.*"
SHADOW = "ALL ON {shadow}.*"
BINARY_LOG = ("--log-bin=changes", "--server-id=1")

MORE = {
    "99990101_more": """
        ALTER TABLE workflows ADD COLUMN colour VARCHAR(20) NULL;
        CREATE TABLE colours (name VARCHAR(20) PRIMARY KEY);
        INSERT INTO colours VALUES ('red'), ('green');
    """,
}


@pytest.fixture
def shipped(database: Database, tmp_path: Path) -> Gate:
    """A copy of what is shipped, so that a test can add to it."""
    return copied(Gate(database, tmp_path))


def copied(gate: Gate) -> Gate:
    for path in [*files(), MIGRATIONS / "schema.sql"]:
        (gate.migrations / path.name).write_bytes(path.read_bytes())
    return gate


def proof(gate: Gate, *, built: bool) -> str:
    """What the snapshot, which MySQL wrote, is compared by."""
    if gate.database.server.flavour == "mysql":
        return "text"
    return "built" if built else "replay"


def test_it_does_for_the_shipped_migrations(shipped: Gate) -> None:
    """No shadow is to be had and none is needed: an empty database has nothing at risk."""
    account = shipped.database.account(OWN)
    start = shipped.run(account=account)
    assert last(start)["applied"] == 25
    assert not [line for line in start.lines if line["level"] != "info"]
    assert said(start, "schema.verified")[0]["proof"] == proof(shipped, built=True)
    assert last(shipped.run(account=account))["unchanged"] is True
    assert last(shipped.run("check", account=account))["exit_code"] == 0


def test_without_a_shadow_it_does_what_can_be_done_and_says_what_cannot(shipped: Gate) -> None:
    """On a database with something in it: the missing grant is named, and the migrations are applied untried."""
    account = shipped.database.account(OWN)
    shipped.run(account=account)
    shipped.write(**MORE)
    (shipped.migrations / "schema.sql").unlink()
    start = shipped.run(account=account)
    assert last(start)["applied"] == 3
    (skipped,) = said(start, "rehearsal.skipped")
    assert skipped["level"] == "warning"
    assert f"GRANT ALL ON `{shipped.database.shadow}`.*" in skipped["reason"]
    assert shipped.database.value("SELECT COUNT(*) FROM colours") == 2


def test_without_a_shadow_drift_is_found_all_the_same(shipped: Gate) -> None:
    """By text where the same flavour wrote the snapshot, else by what both flavours write alike; and that is said."""
    account = shipped.database.account(OWN)
    shipped.run(account=account)
    shipped.database.run("ALTER TABLE workflows ADD COLUMN by_hand INT")
    start = shipped.run(expected=32, account=account)
    (difference,) = last(start)["differences"]
    assert (difference["kind"], difference["name"], difference["expected"]) == ("table", "workflows", None)
    assert "by_hand" in difference["part"]
    if shipped.database.server.flavour == "mariadb":
        (warning,) = said(start, "schema.not_compared")
        assert warning["kind"] == "clauses"
        assert f"GRANT ALL ON `{shipped.database.shadow}`.*" in warning["reason"]


def test_with_the_shadow_granted_by_name_the_proof_is_whole(shipped: Gate) -> None:
    """One more line for the operator: then what is pending is tried first, and clauses are compared on any flavour."""
    account = shipped.database.account(OWN, SHADOW)
    shipped.run(account=account)
    shipped.database.run("ALTER TABLE workflows COMMENT 'by hand'")
    drifted = shipped.run(expected=32, account=account)
    assert not said(drifted, "schema.not_compared")
    assert last(drifted)["proof"] == ("shadow" if shipped.database.server.flavour == "mysql" else "replay")
    shipped.database.run("ALTER TABLE workflows COMMENT ''")
    verified = said(shipped.run(account=account), "schema.verified")
    assert verified[0]["proof"] == proof(shipped, built=False)
    shipped.write(**MORE)
    (shipped.migrations / "schema.sql").unlink()
    start = shipped.run(account=account)
    assert last(start)["applied"] == 3
    (passed,) = said(start, "rehearsal.passed")
    assert (passed["statements"], passed["not_rehearsed"]) == (3, 0)
    shipped.write(z="CREATE TABLE colours (id INT);")
    refused = shipped.run(expected=14, account=account)
    assert last(refused)["errno"] == 1050


@pytest.mark.parametrize(
    ("grants", "pending"),
    [
        ("CREATE, DROP, INSERT, SELECT", "ALTER TABLE workflows ADD COLUMN colour VARCHAR(20) NULL"),
        ("CREATE, DROP, INSERT, SELECT, ALTER, REFERENCES, INDEX", "CREATE VIEW seen AS SELECT id FROM workflows"),
        ("CREATE, DROP, INSERT, SELECT, ALTER, REFERENCES, INDEX", "DELETE FROM artifacts"),
    ],
    ids=["to-alter", "to-make-views", "to-delete"],
)
def test_a_shadow_that_is_granted_in_part_is_as_good_as_none(shipped: Gate, grants: str, pending: str) -> None:
    """What the account may not do there says nothing of what it may do in its own schema."""
    account = shipped.database.account(OWN, f"{grants} ON {{shadow}}.*")
    shipped.run(account=account)
    (shipped.migrations / "schema.sql").unlink()
    shipped.write(z=f"{pending};")
    start = shipped.run(account=account)
    assert last(start)["applied"] == 1
    (skipped,) = said(start, "rehearsal.skipped")
    assert f"GRANT ALL ON `{shipped.database.shadow}`.*" in skipped["reason"]


@pytest.fixture
def with_binary_log(private_server: Callable[..., Instance]) -> Callable[..., Database]:
    """Makes a schema on a server with the binary log, as the images have it."""

    def make(*options: str) -> Database:
        return private_database(private_server(*BINARY_LOG, *options))

    return make


BODIES = {
    "a_table": "CREATE TABLE a (id INT PRIMARY KEY, n INT);",
    "b_bodies": """
        CREATE TRIGGER counts BEFORE INSERT ON a FOR EACH ROW SET NEW.n = 1;
        CREATE FUNCTION twice(x INT) RETURNS INT RETURN 2 * x;
    """,
}


def test_with_the_binary_log(with_binary_log: Callable[..., Database], tmp_path: Path) -> None:
    """The shipped migrations need nothing that the log forbids; triggers and functions do, and are refused by number.

    With the shadow they are refused before the live schema is touched.
    """
    database = with_binary_log()
    assert database.value("SELECT @@log_bin") == 1
    gate = copied(Gate(database, tmp_path))
    account = database.account(OWN)
    assert last(gate.run(account=account))["applied"] == 25
    assert last(gate.run(account=account))["unchanged"] is True
    assert last(gate.run(account=database.account(OWN, SHADOW)))["unchanged"] is True

    folder = tmp_path / "other"
    folder.mkdir()
    other = Gate(Database(database.server), folder)
    without = other.database.account(OWN)
    other.write(a_table=BODIES["a_table"]).run(account=without)
    other.write(**BODIES)
    refused = other.run(expected=14, account=other.database.account(OWN, SHADOW))
    assert last(refused)["errno"] == 1419
    assert "log_bin_trust_function_creators" in last(refused)["message"]
    failed = other.run(expected=30, account=without)
    assert last(failed)["errno"] == 1419


def test_with_the_binary_log_and_trust(with_binary_log: Callable[..., Database], tmp_path: Path) -> None:
    """What the Compose example grants is enough for triggers and functions, tried and proven."""
    database = with_binary_log("--log-bin-trust-function-creators=1")
    gate = Gate(database, tmp_path)
    account = database.account(OWN, SHADOW)
    gate.write(a_table=BODIES["a_table"]).run(account=account)
    gate.write(**BODIES)
    assert said(gate.run(account=account), "rehearsal.passed")[0]["statements"] == 2
    gate.run("snapshot", account=account)
    assert said(gate.run(account=account), "schema.verified")[0]["proof"] == "text"
    database.run("DROP FUNCTION twice")
    missing = gate.run(expected=32, account=account, SCHEMAGATE_HEAL="off")
    (difference,) = last(missing)["differences"]
    assert (difference["kind"], difference["name"], difference["found"]) == ("function", "twice", None)
