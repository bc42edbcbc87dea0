"""How to reach a server: the values that SCHEMAGATE_TEST_SERVERS carries from whoever runs servers to the tests."""

from __future__ import annotations

import contextlib
import json
import re
import socket
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

if TYPE_CHECKING:
    import pymysql

    Connection = pymysql.connections.Connection[pymysql.cursors.Cursor]

VARIABLE = "SCHEMAGATE_TEST_SERVERS"


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, and an account on it that may do everything."""

    label: str
    flavour: str
    version: tuple[int, ...]
    host: str
    port: int
    user: str
    password: str
    ca: str | None
    client: tuple[str, ...]  # the words that run its command-line client; none where there is no client

    def connect(self, database: str | None = None, **options: Any) -> Connection:
        """A new session, with autocommit; the options are those of pymysql.connect."""
        import pymysql

        settings: dict[str, Any] = {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "password": self.password,
            "database": database,
            "charset": "utf8mb4",
            "autocommit": True,
            "connect_timeout": 10,
        }
        if self.ca and "ssl_disabled" not in options:
            settings["ssl_ca"] = self.ca
        connection: Connection = pymysql.connect(**(settings | options))
        return connection

    def client_command(self, database: str | None = None, *arguments: str) -> list[str]:
        """The words that run the command-line client on this server; the password goes in the variable MYSQL_PWD."""
        assert self.client, f"no command-line client for {self.label} is known"
        reach = [f"--host={self.host}", f"--port={self.port}", f"--user={self.user}", "--protocol=TCP"]
        tls = [f"--ssl-ca={self.ca}"] if self.ca else []
        return [*self.client, *reach, *tls, *arguments, *([database] if database else [])]


def to_json(servers: Iterable[Server]) -> str:
    """The value of SCHEMAGATE_TEST_SERVERS."""
    return json.dumps([asdict(server) | {"url": url_of(server)} for server in servers])


def from_json(text: str) -> tuple[Server, ...]:
    """What `to_json` wrote."""
    entries = json.loads(text)
    for entry in entries:
        entry.pop("url", None)
        entry["version"] = tuple(entry["version"])
        entry["client"] = tuple(entry["client"])
    return tuple(Server(**entry) for entry in entries)


def url_of(server: Server) -> str:
    """For people and other programs."""
    account = f"{quote(server.user, safe='')}:{quote(server.password, safe='')}"
    return f"mysql://{account}@{server.host}:{server.port}/" + (f"?ca={quote(server.ca)}" if server.ca else "")


def ask(url: str, client: Iterable[str] = ()) -> Server:
    """The server at mysql://user:password@host:port/?ca=FILE, which says itself what it is."""
    parts = urlsplit(url)
    if parts.scheme not in ("mysql", "mariadb") or not parts.hostname or not parts.username:
        raise ValueError("a server's URL looks like mysql://user:password@host:port/")
    ca = parse_qs(parts.query).get("ca", [None])[0]
    server = Server(
        label="",
        flavour="",
        version=(),
        host=parts.hostname,
        port=parts.port or 3306,
        user=unquote(parts.username),
        password=unquote(parts.password or ""),
        ca=ca,
        client=tuple(client),
    )
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT VERSION()")
        row = cursor.fetchone()
    assert row
    return named(server, str(row[0]))


def named(server: Server, version: str) -> Server:
    """The same server, with what follows from the version it reports."""
    flavour = "mariadb" if "mariadb" in version.lower() else "mysql"
    numbers = version_numbers(version)
    facts = asdict(server) | {"flavour": flavour, "version": numbers, "label": f"{flavour}-{numbers[0]}.{numbers[1]}"}
    return Server(**facts)


def version_numbers(version: str) -> tuple[int, ...]:
    """(11, 8, 6) of "5.5.5-11.8.6-MariaDB-log"; the prefix is what old replicas want to see of a MariaDB."""
    match = re.match(r"\d+(?:\.\d+)+", version.removeprefix("5.5.5-"))
    if not match:
        raise ValueError(f"no version number in {version!r}")
    return tuple(int(number) for number in match[0].split("."))


def greeting(host: str, port: int) -> str:
    """The version with which a server introduces itself; "" if it does not (yet) let anybody in."""
    with contextlib.suppress(OSError, ValueError):
        with socket.create_connection((host, port), timeout=5) as connection, connection.makefile("rb") as stream:
            packet = stream.read(int.from_bytes(stream.read(4)[:3], "little"))
        if packet[:1] == b"\x0a":  # 0xff is an error: a server sends that too, as while it has too many clients
            return packet[1 : packet.index(b"\0")].decode()
    return ""
