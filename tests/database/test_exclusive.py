"""Does the lock keep two starts apart, whatever is between them and the server?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.database.gate import Gate, last
from tests.database.peers import Peer, Relay, calling_itself, in_turn
from tests.databases import Database
from tests.instances import Instance
from tests.wire import RecordingProxy

ONE = {"1_one": "CREATE TABLE one (id INT PRIMARY KEY)"}


def test_a_proxy_over_two_servers_is_refused(
    database: Database, tmp_path: Path, private_server: Callable[..., Instance]
) -> None:
    """The first session is on one and the second on the other: two starts would not see each other's locks. Nothing is
    written to either.
    """
    here, there = database.server, private_server().server()
    other = Database(there, database.name)
    servers = (database, other)
    account = database.account("ALL ON {database}.*")
    other.run(f"CREATE USER {account[0]}@'%' IDENTIFIED BY '{account[1]}'", f"GRANT ALL ON *.* TO {account[0]}@'%'")
    gate = Gate(database, tmp_path).write(**ONE)
    with Peer(in_turn(Relay(here.host, here.port), Relay(there.host, there.port))) as proxy:
        start = gate.run(account=account, expected=16, MYSQL_PORT=str(proxy.port))
    assert "two sessions reached two different servers" in last(start)["message"]
    assert [each.rows("SHOW TABLES") for each in servers] == [(), ()]
    other.remove()


def test_a_server_by_itself_is_proven_in_few_questions(database: Database, tmp_path: Path) -> None:
    """One for what it belongs to, three for the lock; no other session is opened for that."""
    gate = Gate(database, tmp_path).write(**ONE)
    server = database.server
    with RecordingProxy(server.host, server.port) as proxy:
        gate.run(MYSQL_PORT=str(proxy.port), MYSQL_HOST=proxy.host, SCHEMAGATE_TLS="off", SCHEMAGATE_SHADOW="off")
    assert proxy.logins == 2
    server_is = b"@@server_uuid" if server.flavour == "mysql" else b"@@datadir"
    looked = [each for each in proxy.queries if b"group_replication_group_name" in each]
    identified = [each for each in proxy.queries if server_is in each and b"CONNECTION_ID()" in each]
    assert (len(looked), len(identified)) == (1, 2)


@pytest.mark.parametrize(
    ("version", "name"),
    [("8.0.11-TiDB-v8.5.1", "TiDB"), ("8.0.30-Vitess", "Vitess"), ("8.0.34-PlanetScale", "PlanetScale")],
)
def test_what_only_speaks_as_mysql_does_is_refused(database: Database, tmp_path: Path, version: str, name: str) -> None:
    """By the version with which it greets; nothing is asked of it."""
    gate = Gate(database, tmp_path).write(**ONE)
    with Peer(calling_itself(version, database.server.host, database.server.port)) as proxy:
        start = gate.run(expected=16, MYSQL_PORT=str(proxy.port), MYSQL_HOST=proxy.host)
    assert last(start)["message"].startswith(f"This is {name} ({version})")
    assert database.rows("SHOW TABLES") == ()
