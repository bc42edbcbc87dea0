"""Do two sessions of a start meet on one server? Else a lock would keep nobody away."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from schemagate.errors import ClusterUnsafe, ConnectionLost
from schemagate.server import uuid_expression

if TYPE_CHECKING:
    from schemagate.database import Connection

# A session that is lost gives its lock back, and then we see that it is gone: so much later at most.
LOOKS, LOOK_SECONDS = 10, 0.1


def identify(connection: Connection, flavour: str) -> str:
    """Which server this session is on. From here on it has the number that the server knows it by: a proxy may have
    told us another.
    """
    number, uuid = connection.execute(f"SELECT CONNECTION_ID(), {uuid_expression(flavour)}").rows[0]
    connection.id = int(number)
    return str(uuid)


def prove(session: Connection, holder: Connection, server: str, lock: str, flavour: str) -> None:
    """The lock that one session holds (on this server) is seen by another: on the same server, under the same number.

    Raises ClusterUnsafe where it is not: then something between us and MySQL leads to several servers. And
    ConnectionLost where the other session was lost meanwhile, and its lock with it.
    """
    uuid = identify(session, flavour)
    for _ in range(LOOKS):
        if uuid != server or session.execute("SELECT IS_USED_LOCK(%s)", lock).rows[0][0] == holder.id:
            break
        if holder.stirs():
            raise ConnectionLost("The watch session was lost before anything was begun; start again.")
        time.sleep(LOOK_SECONDS)
    else:
        raise _unsafe("a lock that one session holds is not seen by another", uuid, server)
    if uuid != server:
        raise _unsafe("two sessions reached two different servers", uuid, server)


def _unsafe(reason: str, *servers: str) -> ClusterUnsafe:
    return ClusterUnsafe(
        f"Whatever is between us and MySQL does not keep two starts apart: {reason}. Connect to the server itself, or "
        "to a port of the proxy that leads to one server.",
        servers=sorted(set(servers)),
    )
