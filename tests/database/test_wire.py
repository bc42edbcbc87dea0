"""The proxy that other tests trust: it tells what a client said, and changes nothing."""

from __future__ import annotations

import pymysql
import pytest

from tests.reach import Server
from tests.wire import QUERY, SELECT_DATABASE, RecordingProxy


def connect(
    server: Server, proxy: RecordingProxy, password: str
) -> pymysql.connections.Connection[pymysql.cursors.Cursor]:
    return pymysql.connect(
        host=proxy.host, port=proxy.port, user=server.user, password=password, charset="utf8mb4", ssl_disabled=True
    )


def test_what_was_said_is_written_down(server: Server) -> None:
    """Every command after the login, one round trip each, also one that takes two packets of 16 MB."""
    with RecordingProxy(server.host, server.port) as proxy, connect(server, proxy, server.password) as connection:
        own = proxy.round_trips  # what PyMySQL says by itself
        with connection.cursor() as cursor:
            cursor.execute("SELECT @@max_allowed_packet")
            (allowed,) = cursor.fetchone() or (0,)
            long = f"SELECT LENGTH('{'é' * (min(20_000_000, allowed - 1000) // 2)}')"
            cursor.execute(long)
            assert cursor.fetchone() == (len(long.encode()) - len("SELECT LENGTH('')"),)
        connection.select_db("information_schema")
        assert proxy.round_trips == own + 3
        assert [packet.command for packet in proxy.packets[-3:]] == [QUERY, QUERY, SELECT_DATABASE]
        assert proxy.queries[-2:] == [b"SELECT @@max_allowed_packet", long.encode()]
        assert proxy.packets[-1].payload == b"information_schema"
    assert proxy.logins == 1


def test_a_refused_login_is_none(server: Server) -> None:
    """A wrong password passes through as well, and no command is counted."""
    with RecordingProxy(server.host, server.port) as proxy:
        with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
            connect(server, proxy, "wrong")
        assert (proxy.logins, proxy.packets) == (0, [])
