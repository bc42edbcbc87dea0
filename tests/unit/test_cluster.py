"""What a server says of its cluster, and what follows for a start."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from schemagate.cluster import Cluster, Member, galera, group
from schemagate.errors import ClusterUnsafe
from schemagate.refusals import NotReady

A, B, C = "aaaa-1", "bbbb-2", "cccc-3"
SEVERAL = {"group_replication_single_primary_mode": "OFF"}
ONE = {"group_replication_single_primary_mode": "ON"}
READY = {"wsrep_ready": "ON", "wsrep_cluster_status": "Primary", "wsrep_cluster_size": "3", "wsrep_local_index": "1"}
THREE = {**READY, "wsrep_incoming_addresses": "10.0.0.9:3306,10.0.0.2:3306,[fd00::1]:3307"}


def rows(*states: str) -> list[tuple[str, str, int, str]]:
    """A group of three, as performance_schema shows it, the last first."""
    return [(each, f"host-{each}", 3306, state) for each, state in zip((C, B, A), reversed(states), strict=True)]


def test_all_members_of_a_group_agree_on_the_first() -> None:
    """Whoever is asked: it is the lowest of those that are ONLINE; one that is still catching up is read-only."""
    states = rows("ONLINE", "ONLINE", "RECOVERING")
    asked = [group(SEVERAL, states, own, "auto") for own in (A, B)]
    first, second = Member(A, f"host-{A}", 3306), Member(B, f"host-{B}", 3306)
    assert [each.members for each in asked] == [(first, second)] * 2
    assert [each.arbiter for each in asked] == [None, first]
    assert [each.others for each in asked] == [(second,), (first,)]


@pytest.mark.parametrize(
    "ask",
    [
        lambda: group(ONE, rows("ONLINE", "ONLINE", "ONLINE"), A, "auto"),
        lambda: group(ONE, None, A, "auto"),
        lambda: group(SEVERAL, rows("ONLINE", "ONLINE", "ONLINE"), A, "single-writer"),
        lambda: group(SEVERAL, None, A, "single-writer"),
        lambda: group(ONE, rows("ONLINE", "ONLINE", "UNREACHABLE"), A, "auto"),
    ],
)
def test_where_one_server_alone_is_written_to_it_is_the_arbiter(ask: Callable[[], Cluster]) -> None:
    """By the mode of the group, or by promise: nothing has to be locked elsewhere."""
    assert ask() == Cluster("group")


@pytest.mark.parametrize("seen", [[("", "", 0, "OFFLINE")], [(A, "a", 3306, "OFFLINE")], []])
def test_a_server_that_only_has_the_plugin_is_alone(seen: list[tuple[str, str, int, str]]) -> None:
    """Group Replication is configured, and does not run."""
    assert group(SEVERAL, seen, A, "auto") == Cluster()


def test_a_group_whose_members_may_not_be_seen_is_refused() -> None:
    """With the right that is lacking, and the setting that takes its place."""
    with pytest.raises(ClusterUnsafe, match=r"GRANT SELECT ON performance_schema\.repl.*SCHEMAGATE_CLUSTER=single-wr"):
        group(SEVERAL, None, A, "auto")


@pytest.mark.parametrize(
    ("states", "mode", "reason"),
    [
        (("ONLINE", "UNREACHABLE", "UNREACHABLE"), SEVERAL, "majority"),
        (("ONLINE", "UNREACHABLE", "UNREACHABLE"), ONE, "majority"),
        (("ONLINE", "ONLINE", "UNREACHABLE"), SEVERAL, "lost sight of host-cccc-3:3306"),
        (("RECOVERING", "ONLINE", "ONLINE"), SEVERAL, "RECOVERING"),
        (("ERROR", "ONLINE", "ONLINE"), SEVERAL, "ERROR"),
    ],
)
def test_a_group_that_is_changing_is_waited_for(states: tuple[str, ...], mode: dict[str, str], reason: str) -> None:
    """What waits in a member that is out of sight may still be committed."""
    with pytest.raises(NotReady, match=reason):
        group(mode, rows(*states), A, "auto")


def test_half_of_a_group_is_no_majority() -> None:
    """Two of four see two others: both halves would go on."""
    seen = [*rows("ONLINE", "ONLINE", "UNREACHABLE"), ("dddd-4", "d", 3306, "UNREACHABLE")]
    with pytest.raises(NotReady, match="majority"):
        group(ONE, seen, A, "auto")


def test_all_nodes_of_galera_agree_on_the_first() -> None:
    """By the addresses that each of them has of all; an index says which of them is its own."""
    found = galera({}, THREE, "auto")
    assert [member.where for member in found.members] == ["10.0.0.2:3306", "10.0.0.9:3306", "fd00::1:3307"]
    assert (found.arbiter, found.own) == (None, "10.0.0.2:3306")
    other = galera({}, {**THREE, "wsrep_local_index": "2"}, "auto")
    assert (other.arbiter, other.own) == (found.members[0], "fd00::1:3307")


@pytest.mark.parametrize("addresses", ["AUTO,AUTO,AUTO", "10.0.0.9:3306,,10.0.0.2:3306", "a:1,a:1,b:1"])
def test_nodes_that_do_not_tell_where_they_are_are_refused(addresses: str) -> None:
    """They cannot be locked."""
    with pytest.raises(ClusterUnsafe, match="wsrep_node_incoming_address"):
        galera({}, {**READY, "wsrep_incoming_addresses": addresses}, "auto")
    assert galera({}, {**READY, "wsrep_incoming_addresses": addresses}, "single-writer") == Cluster("galera")


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"pxc_strict_mode": "ENFORCING"}, "forbids GET_LOCK"),
        ({"pxc_strict_mode": "MASTER"}, "forbids GET_LOCK"),
        ({"wsrep_osu_method": "RSU"}, "this node alone"),
    ],
)
@pytest.mark.parametrize("policy", ["auto", "single-writer"])
def test_what_no_promise_helps_against_is_refused(variables: dict[str, str], reason: str, policy: str) -> None:
    """A lock that is forbidden, DDL that is not replicated."""
    with pytest.raises(ClusterUnsafe, match=reason):
        galera(variables, THREE, policy)


@pytest.mark.parametrize("status", [{"wsrep_incoming_addresses": "a:1,b:1"}, {"wsrep_local_index": "3"}])
def test_nodes_that_just_come_or_go_are_waited_for(status: dict[str, str]) -> None:
    """The number of nodes, their addresses and the place among them do not change in one moment."""
    with pytest.raises(NotReady, match="joining or leaving"):
        galera({}, {**THREE, **status}, "auto")


@pytest.mark.parametrize("status", [{"wsrep_cluster_status": "non-Primary"}, {"wsrep_ready": "OFF"}])
def test_a_node_without_its_cluster_is_waited_for(status: dict[str, str]) -> None:
    """It may come back."""
    with pytest.raises(NotReady, match="primary component"):
        galera({"pxc_strict_mode": "PERMISSIVE", "wsrep_osu_method": "TOI"}, {**THREE, **status}, "auto")
