"""Which servers can write what this one can write, and so where the one start at work has to be.

A named lock is known to one server alone: "The certification process does not take into account table locks … or named
locks (see GET_LOCK())", says the manual of MySQL on Group Replication, and that of Galera says the same of its nodes.
So where several servers can be written to, every start works on the same one, and locks all of them (`arbiter.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schemagate.database import Result
from schemagate.errors import ClusterUnsafe
from schemagate.refusals import NotReady, ServerError

if TYPE_CHECKING:
    from schemagate.database import Connection
    from schemagate.server import Server

PROMISE = "or promise with SCHEMAGATE_CLUSTER=single-writer that all starts reach one and the same server"
VARIABLES = (
    "group_replication_group_name",
    "group_replication_single_primary_mode",
    "wsrep_on",
    "wsrep_provider",
    "wsrep_osu_method",
    "pxc_strict_mode",
)
STATUS = ("wsrep_ready", "wsrep_cluster_status", "wsrep_cluster_size", "wsrep_local_index", "wsrep_incoming_addresses")
MEMBERS = "SELECT MEMBER_ID, MEMBER_HOST, MEMBER_PORT, MEMBER_STATE FROM performance_schema.replication_group_members"


@dataclass(frozen=True, slots=True, order=True)
class Member:
    """One server of a cluster that may be written to. Their order is the same for whoever looks."""

    id: str
    host: str
    port: int

    @property
    def where(self) -> str:
        """For people."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Cluster:
    """What a server belongs to: "group" (Group Replication), "galera", or "none".

    `members` are all servers that may be written to, where these can be several, in order; `own` is the id of the one
    that was asked.
    """

    kind: str = "none"
    members: tuple[Member, ...] = ()
    own: str = ""

    @property
    def arbiter(self) -> Member | None:
        """Where all starts work, if that is not the server that was asked."""
        return self.members[0] if self.members and self.members[0].id != self.own else None

    @property
    def others(self) -> tuple[Member, ...]:
        """All but the one that was asked."""
        return tuple(member for member in self.members if member.id != self.own)


def look(connection: Connection, here: Server, policy: str) -> Cluster:
    """Ask a server what it belongs to: one round trip, for Galera two. `policy` is the setting SCHEMAGATE_CLUSTER.

    Raises ClusterUnsafe where a start could not know that it is the only one at work, and NotReady where that may
    change by itself: a member that has not joined, does not see the majority, or has lost sight of another.
    """
    questions = [_like("VARIABLES", VARIABLES), *([MEMBERS] if here.flavour == "mysql" else [])]
    answers = connection.packet(questions)
    variables = _pairs(answers[0])
    if variables.get("wsrep_on") == "ON" and variables.get("wsrep_provider", "none") != "none":
        return galera(variables, _pairs(connection.execute(_like("STATUS", STATUS))), policy)
    if variables.get("group_replication_group_name"):
        rows = answers[1].rows if isinstance(answers[1], Result) else None
        return group(variables, rows, here.uuid, policy)
    return Cluster()


def group(variables: Mapping[str, str], rows: Sequence[Sequence[Any]] | None, own: str, policy: str) -> Cluster:
    """What it means that a server has Group Replication. `rows` are its members, None if the account may not see them.

    A member that lost its majority stays ONLINE and readable, and whoever commits there waits; the others, as long as
    they have not expelled it, show it as UNREACHABLE. What waits there is committed if it comes back in time.
    https://dev.mysql.com/doc/refman/9.7/en/group-replication-server-states.html
    """
    several = variables.get("group_replication_single_primary_mode") == "OFF" and policy != "single-writer"
    if rows is None:
        if several:
            raise ClusterUnsafe(
                "This server is a member of a group with several primaries, and the account may not see the others, to "
                "lock them: GRANT SELECT ON performance_schema.replication_group_members to it, "
                f"{PROMISE}.",
                cluster="group",
            )
        return Cluster("group")  # it may be written to: it is the one primary
    states = {str(row[0]): str(row[3]) for row in rows if row[0]}
    if states.get(own, "OFFLINE") == "OFFLINE":
        return Cluster()  # the plugin is loaded, and does not run
    if states[own] != "ONLINE":
        raise NotReady(f"this member of the group is {states[own]}")
    lost = [f"{row[1]}:{row[2]}" for row in rows if row[3] == "UNREACHABLE"]
    if 2 * len(lost) >= len(states):
        raise NotReady("this member does not see the majority of its group")
    if not several:
        return Cluster("group")
    if lost:  # it may come back with what waits there
        raise NotReady(f"the group has lost sight of {', '.join(lost)} and has not expelled it yet")
    members = [Member(str(row[0]), str(row[1]), int(row[2])) for row in rows if row[3] == "ONLINE"]
    return Cluster("group", tuple(sorted(members)), own)


def galera(variables: Mapping[str, str], status: Mapping[str, str], policy: str) -> Cluster:
    """What it means that a server is a node of Galera: MariaDB, Percona XtraDB Cluster, MySQL with its patch.

    A node tells everybody the addresses of all (wsrep_incoming_addresses), in the order of wsrep_local_index.
    https://mariadb.com/docs/galera-cluster/reference/galera-cluster-status-variables
    """
    # Percona: "ENFORCING: … deny the operation and throw an error"; MASTER excepts LOCK TABLES.
    if variables.get("pxc_strict_mode") in ("ENFORCING", "MASTER"):
        raise ClusterUnsafe(
            f"Percona XtraDB Cluster forbids GET_LOCK() while pxc_strict_mode is {variables['pxc_strict_mode']}, and "
            "without a lock two starts could be at work. SET GLOBAL pxc_strict_mode = PERMISSIVE while starts migrate.",
            cluster="galera",
        )
    if variables.get("wsrep_osu_method", "TOI") != "TOI":
        raise ClusterUnsafe(
            f"wsrep_OSU_method is {variables['wsrep_osu_method']}: DDL would change this node alone. "
            "SET GLOBAL wsrep_OSU_method = TOI, then start again.",
            cluster="galera",
        )
    if status.get("wsrep_cluster_status") != "Primary" or status.get("wsrep_ready") != "ON":
        raise NotReady("this node does not belong to the primary component of its cluster")
    if policy == "single-writer":
        return Cluster("galera")
    listed = status.get("wsrep_incoming_addresses", "").split(",")
    found = [re.fullmatch(r"\[?([^\]]+?)\]?:(\d+)", address.strip()) for address in listed]
    members = [Member(f"{each[1]}:{each[2]}", each[1], int(each[2])) for each in found if each]
    index = int(status.get("wsrep_local_index", -1))
    if len(set(members)) < len(listed):
        raise ClusterUnsafe(
            f"The nodes of this Galera cluster do not tell how clients reach them ({', '.join(listed)}), so that they "
            f"cannot be locked. Set wsrep_node_incoming_address on each, {PROMISE}.",
            cluster="galera",
            addresses=listed,
        )
    if len(listed) != int(status.get("wsrep_cluster_size", 0)) or not 0 <= index < len(listed):
        raise NotReady("nodes are just joining or leaving")  # one status variable knows it sooner than the other
    return Cluster("galera", tuple(sorted(members)), members[index].id)


def _like(what: str, names: Sequence[str]) -> str:
    quoted = ", ".join(f"'{name}'" for name in names)
    return f"SHOW GLOBAL {what} WHERE Variable_name IN ({quoted})"


def _pairs(answer: Result | ServerError) -> dict[str, str]:
    if isinstance(answer, ServerError):
        raise answer
    return {str(name).lower(): str(value) for name, value in answer.rows}
