"""The address moves to a replica in the middle of a start: it goes on there, from what the replica has."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from schemagate.lock import alive_name
from tests.crash.relay import Exchange, Relay
from tests.database.gate import Gate, said, until_said
from tests.database.test_orphans import WITHOUT_SHADOW, runs
from tests.database.world import private_database, until
from tests.databases import Database
from tests.instances import Instance
from tests.reach import Server

OPTIONS = {
    "mysql": ("--gtid-mode=ON", "--enforce-gtid-consistency=ON", "--log-replica-updates=ON"),
    "mariadb": ("--log-slave-updates=ON",),
}
FILES = {
    "a": "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, x INT);\nINSERT INTO t (x) VALUES (1), (2);",
    "b": "UPDATE t SET x = x + 1;\nALTER TABLE t ADD COLUMN y INT NOT NULL DEFAULT 4;\nUPDATE t SET y = y + x;",
}


def ask(instance: Instance, *statements: str) -> tuple[tuple[object, ...], ...]:
    """Run these as root; answers the rows of the last one."""
    with instance.server().connect(autocommit=True) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        return tuple(cursor.fetchall())


def follow(replica: Instance, primary: Instance) -> None:
    """Make it one that applies what the primary commits, from its very beginning, and that nobody else can write to."""
    source = primary.server()
    if source.flavour == "mysql":
        for each in (primary, replica):
            ask(each, "RESET BINARY LOGS AND GTIDS")
        change = (
            f"CHANGE REPLICATION SOURCE TO SOURCE_HOST = '{source.host}', SOURCE_PORT = {source.port}, SOURCE_USER = "
            f"'{source.user}', SOURCE_PASSWORD = '{source.password}', SOURCE_AUTO_POSITION = 1, SOURCE_SSL = 1"
        )
    else:
        for each in (primary, replica):
            ask(each, "RESET MASTER")
        ask(replica, "SET GLOBAL gtid_slave_pos = ''")
        change = (
            f"CHANGE MASTER TO MASTER_HOST = '{source.host}', MASTER_PORT = {source.port}, MASTER_USER = "
            f"'{source.user}', MASTER_PASSWORD = '{source.password}', MASTER_USE_GTID = slave_pos, MASTER_SSL = 0"
        )
    ask(replica, change, "SET GLOBAL read_only = 1", "START REPLICA")


def catch_up(replica: Instance, primary: Instance) -> None:
    """Wait until it has applied all that the primary has committed."""
    if primary.server().flavour == "mysql":
        ((done,),) = ask(primary, "SELECT @@GLOBAL.gtid_executed")
        waited = ask(replica, f"SELECT WAIT_FOR_EXECUTED_GTID_SET('{done}', 30)")
    else:
        ((done,),) = ask(primary, "SELECT @@GLOBAL.gtid_binlog_pos")
        waited = ask(replica, f"SELECT MASTER_GTID_WAIT('{done}', 30)")
    assert waited == ((0,),), done


@pytest.mark.parametrize("lost", [False, True])
def test_the_address_may_move_in_the_middle(
    server: Server, private_server: Callable[..., Instance], tmp_path: Path, lost: bool
) -> None:
    """To a replica that has all of it, or not yet what was committed last, which is lost then; and that can be written
    to only a little later.
    """
    shared = ("--log-bin=changes", "--log-bin-trust-function-creators=ON", *OPTIONS[server.flavour])
    primary, replica = private_server("--server-id=1", *shared), private_server("--server-id=2", *shared)
    follow(replica, primary)
    database = private_database(primary)
    account = database.account("ALL ON {database}.*", "ALL ON {shadow}.*")
    gate = Gate(database, tmp_path).write(a=FILES["a"])
    gate.run(account=account)
    catch_up(replica, primary)
    gate.write(b=FILES["b"])

    def hook(relay: Relay, exchange: Exchange, moment: str) -> None:
        if not exchange.live:
            return
        if lost and moment == "before" and exchange.text == "UPDATE t SET x = x + 1":
            catch_up(replica, primary)
            ask(replica, "STOP REPLICA SQL_THREAD")
        if moment == "done" and exchange.text.startswith("ALTER TABLE t ADD"):
            if not lost:
                catch_up(replica, primary)
            ask(replica, "STOP REPLICA", "RESET REPLICA ALL")
            relay.hook = None
            relay.lead_to(replica.server().host, replica.server().port)
            relay.reset()

    with Relay(primary.server().host, primary.server().port, hook) as relay:
        start = gate.begin(account=account, MYSQL_HOST=relay.host, MYSQL_PORT=str(relay.port), SCHEMAGATE_TLS="off")
        until_said(start, "database.waiting", reason="the server is read-only")
        ask(replica, "SET GLOBAL read_only = 0")
        assert start.wait() == 0, start.text
    assert len(said(start, "start.resumed")) == 1
    assert ask(replica, f"SELECT x, y FROM `{database.name}`.t ORDER BY id") == ((2, 6), (3, 7))
    applied = (
        f"SELECT migration, COUNT(*) FROM `{database.name}`.schemagate_journal WHERE outcome = 'applied' GROUP BY 1"
    )
    assert set(ask(replica, applied)) == {("a", 2), ("b", 3)}
    settled = [each["outcome"] for each in said(start, "statement.settled")]
    assert settled == ([] if lost else ["applied"])


def test_nobody_elses_statement_is_ended_where_the_address_has_moved(
    server: Server, private_server: Callable[..., Instance], tmp_path: Path
) -> None:
    """Only the session that runs the statement is left, on the server that was: another one has that number here."""
    database = private_database(private_server())
    there = Database(private_server().server(), database.name)
    user, password = database.account("ALL ON {database}.*")
    there.run(f"CREATE USER '{user}'@'%' IDENTIFIED BY '{password}'", f"GRANT ALL ON {there.name}.* TO '{user}'@'%'")
    gate = Gate(database, tmp_path).write(a="CREATE TABLE t (id INT);\nDO SLEEP(20);")
    known = {"SCHEMAGATE_TLS": "off", "SCHEMAGATE_STOP_SECONDS": "1", **WITHOUT_SHADOW}
    with Relay(database.server.host, database.server.port) as relay, ThreadPoolExecutor() as pool:
        start = gate.begin(account=(user, password), MYSQL_HOST=relay.host, MYSQL_PORT=str(relay.port), **known)
        until(lambda: runs(database, "DO SLEEP%") is not None, "the statement")
        number, numbers = runs(database, "DO SLEEP%"), [0]
        while numbers[-1] != number:
            somebody = there.connect(user, password)
            with somebody.cursor() as cursor:
                cursor.execute("SELECT CONNECTION_ID()")
                numbers += [each for (each,) in cursor.fetchall()]
            assert numbers[-1] <= (number or 0)
        relay.lead_to(there.server.host, there.server.port)
        said_before = len(relay.said)
        database.run(f"KILL {database.value('SELECT IS_USED_LOCK(%s)', alive_name(database.name))}")
        until(
            lambda: any("CONNECTION_ID()" in each.text for each in relay.said[said_before:]), "the next watch session"
        )
        with somebody.cursor() as cursor:
            slept = pool.submit(cursor.execute, "SELECT SLEEP(6)")
            start.process.terminate()
            assert start.wait() == 143, start.text
            assert slept.result() == 1
            assert cursor.fetchall() == ((0,),)
    there.remove()
