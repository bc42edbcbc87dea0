"""Do two sessions of a start meet on one server? Else a lock would keep nobody away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemagate.errors import ClusterUnsafe
from schemagate.server import uuid_expression

if TYPE_CHECKING:
    from schemagate.database import Connection


def identify(connection: Connection, flavour: str) -> str:
    """Which server this session is on. From here on it has the number that the server knows it by: a proxy may have
    told us another.
    """
    number, uuid = connection.execute(f"SELECT CONNECTION_ID(), {uuid_expression(flavour)}").rows[0]
    connection.id = int(number)
    return str(uuid)


def prove(session: Connection, holder: Connection, server: str, lock: str, flavour: str) -> None:
    """The lock that one session holds (on this server) is seen by another: on the same server, under the same number.

    Raises ClusterUnsafe where it is not: then something between us and MySQL leads to several servers.
    """
    uuid = identify(session, flavour)
    if session.execute("SELECT IS_USED_LOCK(%s)", lock).rows[0][0] == holder.id and uuid == server:
        return
    reason = "a lock that one session holds is not seen by another"
    if uuid != server:
        reason = "two sessions reached two different servers"
    raise ClusterUnsafe(
        f"Whatever is between us and MySQL does not keep two starts apart: {reason}. Connect to the server itself, or "
        "to a port of the proxy that leads to one server.",
        servers=sorted({uuid, server}),
    )
