"""How many questions does a start ask? Counted on the wire, between the real program and the real server."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.database.gate import Gate, last, said
from tests.database.shipped import MIGRATIONS
from tests.databases import Database
from tests.wire import RecordingProxy

MANY = 2000


@pytest.fixture
def gate(database: Database, tmp_path: Path) -> Gate:
    return Gate(database, tmp_path)


def unchanged(gate: Gate) -> RecordingProxy:
    """What a start with nothing to do says on the wire."""
    server = gate.database.server
    with RecordingProxy(server.host, server.port) as proxy:
        start = gate.run(MYSQL_PORT=str(proxy.port), MYSQL_HOST=proxy.host, SCHEMAGATE_TLS="off")
    assert last(start)["unchanged"] is True
    return proxy


def test_a_start_with_nothing_to_do_asks_twice(database: Database, tmp_path: Path) -> None:
    """After login, on the nine tables that are shipped: what is there, and how does it look? Nothing else is sent."""
    gate = Gate(database, tmp_path, MIGRATIONS)
    assert last(gate.run())["applied"] == 25
    for _ in range(2):
        proxy = unchanged(gate)
        assert proxy.logins == 1
        assert proxy.round_trips == 2
        first, second = proxy.queries
        assert first.startswith(b"SET NAMES utf8mb4;")
        assert second.count(b"SHOW CREATE TABLE ") == 9
        assert not any(word in first + second for word in (b"INSERT", b"UPDATE", b"DELETE", b"REPLACE", b"GET_LOCK"))


def test_a_start_with_nothing_to_do_asks_twice_on_two_thousand_tables(gate: Gate) -> None:
    """With views, triggers, routines and events among them, too."""
    gate.write(
        a_first="""
            CREATE TABLE first (id INT PRIMARY KEY, n INT);
            CREATE VIEW seen AS SELECT id FROM first;
            CREATE TRIGGER grows BEFORE INSERT ON first FOR EACH ROW SET NEW.n = NEW.n + 1;
            CREATE PROCEDURE nothing() SELECT 1;
            CREATE EVENT daily ON SCHEDULE EVERY 1 DAY DISABLE DO DELETE FROM first;
        """
    )
    make_tables(gate.database, MANY)
    gate.run()
    proxy = unchanged(gate)
    assert proxy.logins == 1
    assert proxy.round_trips == 2
    assert proxy.queries[1].count(b"SHOW CREATE ") == MANY + 1 + 4


def make_tables(database: Database, count: int) -> None:
    """Tables of several columns, by several sessions at once."""

    def some(numbers: range) -> None:
        with database.connect().cursor() as cursor:
            for number in numbers:
                cursor.execute(f"CREATE TABLE t{number} (id INT PRIMARY KEY, n INT NOT NULL DEFAULT 5, t VARCHAR(20))")

    workers = [threading.Thread(target=some, args=(range(first, count, 4),)) for first in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def test_a_proxy_that_takes_one_statement_at_a_time_gets_one_at_a_time(gate: Gate) -> None:
    """Then a start has more to ask, and comes to the same answers."""
    gate.write(a_first="CREATE TABLE first (id INT PRIMARY KEY)")
    gate.run()
    server = gate.database.server
    with RecordingProxy(server.host, server.port, without=MULTI_STATEMENTS) as proxy:
        start = gate.run(MYSQL_PORT=str(proxy.port), MYSQL_HOST=proxy.host, SCHEMAGATE_TLS="off")
    assert last(start)["unchanged"] is True
    refused, *rest = proxy.queries
    assert b";\n" in refused
    assert rest
    assert not any(b";" in query for query in rest)
    gate.write(b_second="CREATE TABLE second (id INT PRIMARY KEY)")
    with RecordingProxy(server.host, server.port, without=MULTI_STATEMENTS) as proxy:
        start = gate.run(MYSQL_PORT=str(proxy.port), MYSQL_HOST=proxy.host, SCHEMAGATE_TLS="off")
    assert last(start)["applied"] == 1
    assert said(start, "schema.verified")


MULTI_STATEMENTS = 1 << 16


def test_the_statements_of_a_migration_are_sent_one_by_one(gate: Gate) -> None:
    """In a session that would not even take two of them: the server itself refuses what we might have split wrongly."""
    gate.write(a_first="CREATE TABLE a (id INT);\nCREATE TABLE b (id INT);\nINSERT INTO a VALUES (1);")
    server = gate.database.server
    with RecordingProxy(server.host, server.port) as proxy:
        gate.run(MYSQL_PORT=str(proxy.port), MYSQL_HOST=proxy.host, SCHEMAGATE_TLS="off")
    sent = {b"CREATE TABLE a (id INT)", b"CREATE TABLE b (id INT)", b"INSERT INTO a VALUES (1)"}
    assert sent <= set(proxy.queries)
    several = {packet.connection for packet in proxy.packets if b";\n" in packet.payload}
    ours = {packet.connection for packet in proxy.packets if packet.payload in sent}
    assert len(ours) == 1
    assert not ours & several
