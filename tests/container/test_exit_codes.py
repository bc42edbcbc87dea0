"""Every exit code of the table, from the built image in a real engine, against a real MySQL."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.container.gate import Ended, Gate

ROOT = Path(__file__).resolve().parents[2]
TABLE = {
    int(code): event
    for codes, event in re.findall(r"^\| ([\d, ]+) \| `([a-z._]+)` \|", (ROOT / "docs/operations.md").read_text(), re.M)
    for code in codes.split(", ")
}
CUSTOMERS = "CREATE TABLE customers (id INT NOT NULL PRIMARY KEY);\n"


def a_good_start(gate: Gate) -> Ended:
    gate.write(_01_shop=CUSTOMERS)
    return gate.run("up")


def a_bug(gate: Gate) -> Ended:
    broken = gate.folder / "plan.py"
    broken.write_text("def make_plan(*_): raise RuntimeError('nobody has thought of this')\n")
    a_good_start(gate)
    gate.write(_02_more="CREATE TABLE more (id INT NOT NULL PRIMARY KEY);\n")
    place = "/app/schemagate"
    return gate.run("up", options=[f"--volume={broken}:{place}/plan.py:ro", f"--tmpfs={place}/__pycache__"])


def no_settings(gate: Gate) -> Ended:
    return gate.run("up", MYSQL_DATABASE="", SCHEMAGATE_WAIT="60")


def an_unterminated_quote(gate: Gate) -> Ended:
    gate.write(_01_shop=CUSTOMERS + "INSERT INTO customers VALUES ('1);\n")
    return gate.run("up")


def an_edited_file(gate: Gate) -> Ended:
    a_good_start(gate)
    gate.write(_01_shop=CUSTOMERS.replace("INT", "BIGINT"))
    return gate.run("up")


def a_wrong_password(gate: Gate) -> Ended:
    a_good_start(gate)
    ended = gate.run("up", MYSQL_PASSWORD="not-" + gate.password)
    assert "not-" + gate.password not in ended.stdout
    return ended


def a_statement_that_does_not_fit(gate: Gate) -> Ended:
    a_good_start(gate)
    gate.write(_02_more="ALTER TABLE customers DROP COLUMN nowhere;\n")
    return gate.run("up")


def a_stale_snapshot(gate: Gate) -> Ended:
    gate.write(_01_shop=CUSTOMERS, schema=CUSTOMERS.replace("INT", "BIGINT"))
    return gate.run("up")


# What stands between, and greets in the name of another kind of server, as that does itself.
RELAY = """
import socket, sys, threading
def pump(source, target):
    while data := source.recv(65536):
        target.sendall(data)
    target.close()
listening = socket.create_server(("", 3306))
while True:
    client = listening.accept()[0]
    server = socket.create_connection((sys.argv[1], 3306))
    head = server.recv(4, socket.MSG_WAITALL)
    body = server.recv(int.from_bytes(head[:3], "little"), socket.MSG_WAITALL)
    greeting = body[:1] + b"8.0.11-TiDB-v8.5.0" + body[body.index(bytes(1)):]
    client.sendall(len(greeting).to_bytes(3, "little") + head[3:] + greeting)
    for ends in ((client, server), (server, client)):
        threading.Thread(target=pump, args=ends, daemon=True).start()
"""


def another_kind_of_server(gate: Gate) -> Ended:
    gate.write(_01_shop=CUSTOMERS)
    relay = f"{gate.server.name}-relay"
    python = "--entrypoint=/usr/local/bin/python"
    gate.engine.docker(
        "run", "--detach", "--name", relay, "--network", gate.server.name, python, gate.image, "-c", RELAY,
        gate.server.name,
    )  # fmt: skip
    try:
        return gate.run("up", MYSQL_HOST=relay)
    finally:
        gate.engine.docker("rm", "--force", relay)


def no_server(gate: Gate) -> Ended:
    gate.write(_01_shop=CUSTOMERS)
    return gate.run("up", MYSQL_HOST="nowhere", SCHEMAGATE_WAIT_SECONDS="0.5")


def a_killed_session(gate: Gate) -> Ended:
    gate.write(_01_shop=CUSTOMERS + "INSERT INTO customers SELECT 1 + SLEEP(31);\n")
    start = gate.begin("up", statement="SLEEP(31)", SCHEMAGATE_RECONNECT_SECONDS="0")
    of_statement = f"db = '{gate.schema}' AND info LIKE '%SLEEP(31)%' AND id <> CONNECTION_ID()"
    ((session,),) = gate.server.sql(f"SELECT id FROM information_schema.processlist WHERE {of_statement}")
    gate.server.sql(f"KILL {session}")
    return gate.end(start)


def another_start_at_work(gate: Gate) -> Ended:
    gate.write(_01_shop=CUSTOMERS + "INSERT INTO customers SELECT 1 + SLEEP(3.2);\n")
    first = gate.begin("up", statement="SLEEP(3.2)")
    second = gate.run("up", SCHEMAGATE_LOCK_SECONDS="0.5")
    assert gate.end(first).code == 0
    return second


def check_before_up(gate: Gate) -> Ended:
    a_good_start(gate)
    gate.write(_02_more="ALTER TABLE customers ADD name VARCHAR(40);\n")
    return gate.run("check")


def rows_that_do_not_fit(gate: Gate) -> Ended:
    gate.write(_01_shop=CUSTOMERS + "INSERT INTO customers VALUES (1), (1);\n")
    return gate.run("up")


def killed_in_a_statement_that_commits_by_itself(gate: Gate) -> Ended:
    gate.write(_01_shop="CREATE PROCEDURE slow() DO SLEEP(1.3);\nCALL slow();\n")
    first = gate.begin("up", statement="SLEEP(1.3)")
    gate.engine.docker("kill", first)
    assert gate.end(first).code == 137
    return gate.run("up")


def a_column_changed_by_hand(gate: Gate) -> Ended:
    gate.write(_01_shop=CUSTOMERS, schema=CUSTOMERS)
    assert gate.run("up").code == 0
    gate.server.sql("ALTER TABLE customers MODIFY id BIGINT NOT NULL", gate.schema)
    return gate.run("up")


def no_shadow_to_compare_in(gate: Gate) -> Ended:
    a_good_start(gate)
    return gate.run("diff", "live", "migrations", SCHEMAGATE_SHADOW="off")


def stopped(gate: Gate) -> Ended:
    """`docker stop` in the middle of a statement: it is waited for, and the next start goes on behind it."""
    gate.write(_01_shop=CUSTOMERS + "INSERT INTO customers SELECT 1 + SLEEP(1.4);\nINSERT INTO customers VALUES (2);\n")
    start = gate.begin("up", statement="SLEEP(1.4)")
    began = time.monotonic()
    gate.engine.docker("stop", "--time=60", start)
    assert time.monotonic() - began < 30, "the signal was not heard, and the container killed"
    ended = gate.end(start)
    assert gate.server.sql("SELECT id FROM customers", gate.schema) == [["1"]]
    next_start = gate.run("up")
    assert (next_start.code, next_start.last["applied"]) == (0, 1)
    assert gate.server.sql("SELECT id FROM customers ORDER BY id", gate.schema) == [["1"], ["2"]]
    return ended


def interrupted(gate: Gate) -> Ended:
    """Ctrl-C in the middle of a statement: the same."""
    gate.write(_01_shop=CUSTOMERS + "INSERT INTO customers SELECT 1 + SLEEP(1.5);\nINSERT INTO customers VALUES (2);\n")
    start = gate.begin("up", statement="SLEEP(1.5)")
    gate.engine.docker("kill", "--signal=INT", start)
    ended = gate.end(start)
    assert gate.server.sql("SELECT id FROM customers", gate.schema) == [["1"]]
    assert gate.run("up").code == 0
    return ended


WAYS: dict[int, Callable[[Gate], Ended]] = {
    0: a_good_start,
    1: a_bug,
    10: no_settings,
    11: an_unterminated_quote,
    12: an_edited_file,
    13: a_wrong_password,
    14: a_statement_that_does_not_fit,
    15: a_stale_snapshot,
    16: another_kind_of_server,
    20: no_server,
    21: a_killed_session,
    22: another_start_at_work,
    23: check_before_up,
    30: rows_that_do_not_fit,
    31: killed_in_a_statement_that_commits_by_itself,
    32: a_column_changed_by_hand,
    33: no_shadow_to_compare_in,
    130: interrupted,
    143: stopped,
}


def test_every_exit_code_of_the_table_has_a_way_to_it() -> None:
    """A new exit code needs a start that ends with it."""
    assert set(WAYS) == set(TABLE)


@pytest.mark.parametrize("code", WAYS, ids=[f"{code}-{way.__name__}" for code, way in WAYS.items()])
def test_exit_code(code: int, gate: Gate) -> None:
    """The container ends with the code, and its last line says the code and the event of the table."""
    ended = WAYS[code](gate)
    assert (ended.code, ended.last["exit_code"], ended.last["event"]) == (code, code, TABLE[code])
