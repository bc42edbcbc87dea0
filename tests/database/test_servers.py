"""The servers and fixtures that all other tests stand on."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Callable

import pymysql
import pytest

from tests.databases import Database, picture
from tests.instances import Instance
from tests.reach import Server, ask, from_json, to_json, url_of


def test_a_server_says_what_its_label_says(server: Server) -> None:
    """The label is flavour and version, and the version is the server's own."""
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT VERSION(), @@max_connections, @@character_set_server")
        row = cursor.fetchone()
    assert row
    version, connections, charset = row
    assert version.startswith(".".join(map(str, server.version)))
    assert ("MariaDB" in version) == (server.flavour == "mariadb")
    assert server.label == f"{server.flavour}-{server.version[0]}.{server.version[1]}"
    assert connections >= 300
    assert charset == "utf8mb4"


def test_a_server_survives_the_way_through_the_environment(server: Server) -> None:
    """What is written into the variable is what is read from it."""
    assert from_json(to_json([server])) == (server,)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_certificate_is_for_this_server_and_signed_by_its_ca(
    server: Server, private_server: Callable[..., Instance], host: str
) -> None:
    """A client that verifies everything is let in, by address and by name."""
    if not server.ca:  # a server from outside, of which no CA was given
        server = private_server().server()
    context = ssl.create_default_context(cafile=server.ca)
    with server.connect(host=host, ssl=context) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
        row = cursor.fetchone()
    assert row
    assert row[1]


def test_a_server_is_found_again_by_its_url(server: Server) -> None:
    """The URL carries all that it takes to connect, and the server says the rest itself."""
    assert ask(url_of(server), server.client) == server


def test_another_ca_does_not_verify_the_certificate(server: Server) -> None:
    """Nothing else than the CA of the tests vouches for the server."""
    with pytest.raises(pymysql.OperationalError, match="certificate"):
        server.connect(ssl_ca=None, ssl=ssl.create_default_context())


def test_an_account_may_log_in_without_tls_and_do_what_it_was_granted(database: Database) -> None:
    """With a password that no login before has put into a cache of the server."""
    user, password = database.account("SELECT, CREATE ON {database}.*", "ALL ON {shadow}.*")
    connection = database.connect(user, password, ssl_disabled=True)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE a (id INT)")
        cursor.execute(f"CREATE DATABASE {database.shadow}")
        cursor.execute(f"DROP DATABASE {database.shadow}")
        with pytest.raises(pymysql.OperationalError, match="1142"):
            cursor.execute("INSERT INTO a VALUES (1)")
    assert database.objects() == {("table", "a")}


def test_the_command_line_client_runs(database: Database) -> None:
    """It is of the server's own suite and needs nothing of this machine."""
    command = database.server.client_command(database.name, "--batch", "--skip-column-names")
    environment = {"MYSQL_PWD": database.server.password}
    done = subprocess.run(
        command,
        env=environment,
        input="CREATE TABLE a (id INT); SHOW TABLES",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "a\n"


def test_a_schema_is_gone_after_its_test_with_all_that_belongs_to_it(server: Server) -> None:
    """Schemas, accounts and sessions, even one that holds locks."""
    database = Database(server)
    database.account("ALL ON {database}.*")
    database.another()
    database.run("CREATE TABLE a (id INT PRIMARY KEY)")
    session = database.connect()
    session.begin()
    session.cursor().execute("INSERT INTO a VALUES (1)")
    assert database.remove() == []
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT schema_name FROM information_schema.schemata")
        assert not [name for (name,) in cursor.fetchall() if database.name in name]
        cursor.execute("SELECT user FROM mysql.db")
        assert not [name for (name,) in cursor.fetchall() if database.name in name]


def test_a_shadow_that_was_left_is_told_and_dropped(server: Server) -> None:
    """The next test is not to suffer for it."""
    database = Database(server)
    database.run(f"CREATE DATABASE {database.shadow}")
    assert database.remove() == [f"the shadow {database.shadow} was left"]
    with pytest.raises(pymysql.OperationalError, match="1049"):
        server.connect(database.shadow)


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TABLE b (id INT)",
        "ALTER TABLE a ADD COLUMN word VARCHAR(5)",
        "INSERT INTO a VALUES (2)",
        "DROP TABLE a",
        "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET NEW.id = 1",
        "CREATE PROCEDURE p() SELECT 1",
        "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1",
        "CREATE VIEW v AS SELECT 1 AS one",
        "ALTER DATABASE COLLATE utf8mb4_bin",
    ],
)
def test_the_proof_sees_a_change_in_another_schema(database: Database, change: str) -> None:
    """Every kind of object, rows, and the schema's own attributes."""
    database.run("CREATE TABLE a (id INT)", "INSERT INTO a VALUES (1)")
    before = picture(database.server, [database.name])
    database.run(change)
    changes = before.changes(picture(database.server, [database.name]))
    assert len(changes) == 1


def test_the_proof_sees_accounts_rights_and_global_variables(private_server: Callable[..., Instance]) -> None:
    """All that a migration can change outside of schemas."""
    server = private_server().server()
    before = picture(server)
    assert before.changes(picture(server)) == []
    with server.connect() as connection, connection.cursor() as cursor:
        for change in (
            "CREATE USER u",
            "GRANT SELECT ON d.* TO u",
            "SET GLOBAL max_connections = 301",
            "CREATE DATABASE d",
        ):
            cursor.execute(change)
            after = picture(server)
            assert len(before.changes(after)) >= 1, change
            before = after


def test_a_private_server_keeps_port_password_and_data_over_restarts(private_server: Callable[..., Instance]) -> None:
    """A clean stop and kill -9 both lose no commit."""
    instance = private_server("--max-allowed-packet=2M")
    server = instance.server()
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE d")
        cursor.execute("CREATE TABLE d.a (id INT PRIMARY KEY)")
    for number, end in enumerate((instance.stop, instance.kill)):
        with server.connect("d") as connection, connection.cursor() as cursor:
            cursor.execute("INSERT INTO a VALUES (%s)", (number,))
        end()
        assert instance.pid is None
        with pytest.raises(pymysql.OperationalError, match="2003"):
            server.connect()
        instance.start()
    with server.connect("d") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*), @@max_allowed_packet FROM a")
        assert cursor.fetchone() == (2, 2 * 1024 * 1024)
