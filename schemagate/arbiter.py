"""The only start at work, over all servers that can write what this one can write.

In a cluster with several writable members all starts go to the first of them, in an order that is the same for all of
them, and work there. Before a start writes anything, there is a moment in which it holds the locks on all members that
its own member lists, which is the majority. Why that is enough, though members come and go: take two starts, on two
members, and the later of these two moments. If the later start's member lists the other one, it had to wait there for
the first start to end. If it does not, that one has been expelled, and nothing that is written there is committed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Any

from schemagate import watch
from schemagate.cluster import PROMISE, Cluster, Member, look
from schemagate.current import meet
from schemagate.errors import (
    AccessDenied,
    ClusterUnsafe,
    ConnectionLost,
    DatabaseUnavailable,
    Interrupted,
    SchemagateError,
)
from schemagate.lock import wait_for_the_living
from schemagate.orphans import outlast
from schemagate.refusals import NOT_PREPARED, NotReady, ServerError, translated
from schemagate.selftest import identify
from schemagate.server import working_session
from schemagate.sessions import open_session
from schemagate.survive import LOSSES, is_lost

if TYPE_CHECKING:
    from typing import TypeVar

    from schemagate.database import Connection
    from schemagate.log import Log
    from schemagate.server import Server
    from schemagate.settings import Settings
    from schemagate.stop import Stop

    T = TypeVar("T")

REACH_SECONDS = 10.0  # for the first member to answer, before we look whether it still is the first
LOOK_SECONDS = 0.5


def survey(connection: Connection, here: Server, settings: Settings, stop: Stop, log: Log) -> Cluster:
    """What the server belongs to. Waits `wait_seconds` for a cluster that is just changing, then DatabaseUnavailable;
    raises ClusterUnsafe where a start could not know that it is the only one at work.
    """
    return _until_ready(lambda: look(connection, here, settings.cluster), settings, stop, log)


def at_arbiter(
    cluster: Cluster,
    connection: Connection,
    here: Server,
    settings: Settings,
    stop: Stop,
    log: Log,
    go: Callable[[Settings], dict[str, Any]],
) -> dict[str, Any] | None:
    """Let `go` do its work on the member where all starts work; None if that is the server of `connection` itself.

    Where that member goes away, `go` is called again for the one that takes its place. At the end, the server that was
    asked for has seen what was done.
    """
    failed, since = 0, time.monotonic()
    while member := cluster.arbiter:
        log.info("cluster.arbiter", cluster=cluster.kind, members=len(cluster.members), arbiter=member.where)
        try:
            done = go(_at(member, settings, min(settings.wait_seconds, REACH_SECONDS)))
        except AccessDenied as error:
            raise ClusterUnsafe(_no_way(member, error.message), cluster=cluster.kind, member=member.where) from error
        except (SchemagateError, ServerError) as error:
            told = translated(error) if isinstance(error, ServerError) else error
            if not isinstance(told, DatabaseUnavailable) and not is_lost(error):
                raise
            stop.check()
            cluster = survey(connection, here, settings, stop, log)
            if cluster.arbiter != member:
                failed = 0
                continue
            failed, since = failed + 1, since if failed else time.monotonic()
            if isinstance(told, DatabaseUnavailable) and time.monotonic() - since > settings.wait_seconds:
                raise ClusterUnsafe(_no_way(member, told.message), cluster=cluster.kind, member=member.where) from error
            if is_lost(error) and failed > LOSSES:
                raise
            stop.sleep(LOOK_SECONDS)
        else:
            catch_up(connection, cluster)
            return done
    return None


def the_only_one(
    settings: Settings, stop: Stop, log: Log, work: Callable[[Connection, Server, Settings], dict[str, Any]]
) -> dict[str, Any]:
    """What `work` returns, which gets the session of the only start at work, its server, and the settings with which
    that was reached. Raises what `meet`, `survey`, `at_arbiter` and `alone` raise.
    """
    connection, greeting = meet(settings, stop, log, to_write=True)
    here = greeting.server
    with closing(connection), lost_while_stopping(stop):
        cluster = survey(connection, here, settings, stop, log)
        done = at_arbiter(
            cluster, connection, here, settings, stop, log, lambda there: the_only_one(there, stop, log, work)
        )
        if done:
            return done
        with alone(connection, cluster, here, settings, stop, log) as session:
            return work(session, here, settings)


@contextmanager
def lost_while_stopping(stop: Stop) -> Iterator[None]:
    """In here a connection that is lost after a signal ends as the signal asked."""
    try:
        yield
    except ConnectionLost as lost:
        if not stop.requested:
            raise
        raise Interrupted(
            "Asked to stop, and the connection was lost meanwhile; `schemagate status` shows what the journal has.",
            stop.signum,
        ) from lost


@contextmanager
def alone(
    connection: Connection, cluster: Cluster, here: Server, settings: Settings, stop: Stop, log: Log
) -> Iterator[Connection]:
    """The session that runs statements, while no other start of this schema does, on any server that it could reach.

    `connection` watches over it. Raises ClusterUnsafe where that cannot be, before anything is written; and what
    `watch.alone` raises.
    """

    def still(asked: Connection) -> None:
        """A member that lost the majority lets everybody in, and commits wait there as long as that lasts."""
        try:
            look(asked, here, "single-writer")
        except NotReady as reason:
            raise DatabaseUnavailable(
                f"This member of the cluster cannot be worked with any more: {reason.reason}. Start again.",
                reason=reason.reason,
            ) from reason

    with watch.alone(connection, here, settings, stop, log, still if cluster.kind != "none" else bool) as session:
        if settings.cluster != "auto" and cluster.kind != "none":
            log.warning("cluster.promised", cluster=cluster.kind)
        if cluster.members:
            _lock_others(session, here, settings, stop, log)
        catch_up(session, cluster)
        yield session


def catch_up(connection: Connection, cluster: Cluster) -> None:
    """Wait until this member has applied all that any of them has committed so far: what comes next reads all of it.

    https://dev.mysql.com/doc/refman/9.7/en/group-replication-configuring-consistency-guarantees.html (BEFORE) and
    https://mariadb.com/docs/galera-cluster/reference/galera-cluster-system-variables#wsrep_sync_wait.
    """
    variable, value = {
        "none": ("", ""),
        "group": ("group_replication_consistency", "'BEFORE'"),
        "galera": ("wsrep_sync_wait", "1"),
    }[cluster.kind]
    if variable:
        connection.execute(f"SET SESSION {variable} = {value}")
        connection.execute("SELECT COUNT(*) FROM information_schema.SCHEMATA")
        connection.execute(f"SET SESSION {variable} = @@global.{variable}")


def _lock_others(session: Connection, here: Server, settings: Settings, stop: Stop, log: Log) -> None:
    """Hold the locks on all other members that this one lists, for the moment in which it lists no more than these.

    After that moment they can go: whoever comes later finds the locks on this member.
    """
    locked: set[Member] = set()
    with ExitStack() as sides:

        def missing() -> bool:
            left = [member for member in look(session, here, settings.cluster).others if member not in locked]
            for member in left:
                side = _session(member, here, settings, stop)
                if side is not None:
                    sides.enter_context(closing(side))
                    there = here._replace(uuid=identify(side, here.flavour)[:36])
                    try:
                        wait_for_the_living(side, there, settings, stop, log)
                        outlast(side, there, settings, stop, log)
                    except ConnectionLost as error:
                        raise NotReady(f"member {member.where} went away") from error
                locked.add(member)
            return bool(left)

        while _until_ready(missing, settings, stop, log):
            pass
    log.debug("cluster.locked", members=sorted(member.where for member in locked))


def _session(member: Member, here: Server, settings: Settings, stop: Stop) -> Connection | None:
    """A session with that member; None where nobody is let in yet, and so no other start. Raises NotReady where it does
    not answer: it may be going away.
    """
    opening = working_session(here.flavour, settings.lock_wait_seconds)
    place = _at(member, settings, settings.wait_seconds)
    try:
        side = open_session(place, settings.database, opening, stop)
    except AccessDenied as error:
        raise ClusterUnsafe(_no_way(member, error.message), member=member.where) from error
    except (DatabaseUnavailable, ConnectionLost) as error:
        raise NotReady(f"member {member.where} does not answer") from error
    except ServerError as error:
        if error.errno == NOT_PREPARED:
            return None
        raise
    if look(side, here._replace(uuid=identify(side, here.flavour)), settings.cluster).own != member.id:
        side.close()
        raise ClusterUnsafe(_no_way(member, "another server answers there."), member=member.where)
    return side


def _until_ready(ask: Callable[[], T], settings: Settings, stop: Stop, log: Log) -> T:
    """What `ask` returns as soon as it does not raise NotReady any more; DatabaseUnavailable after `wait_seconds`."""
    began, said = time.monotonic(), ""
    while True:
        stop.check()
        try:
            return ask()
        except NotReady as reason:
            waited = round(time.monotonic() - began, 3)
            if waited >= settings.wait_seconds:
                raise DatabaseUnavailable(
                    f"The cluster cannot be worked with: {reason.reason}, for {settings.wait_seconds:g} s. Look at its "
                    f"members, then start again; {PROMISE}.",
                    reason=reason.reason,
                    waited_seconds=waited,
                ) from reason
            if reason.reason != said:
                said = reason.reason
                log.info("cluster.waiting", reason=said, waited_seconds=waited)
            stop.sleep(LOOK_SECONDS)


def _at(member: Member, settings: Settings, wait_seconds: float) -> Settings:
    return settings._replace(host=member.host, port=member.port, socket=None, wait_seconds=wait_seconds)


def _no_way(member: Member, reason: str) -> str:
    return (
        f"All members of this cluster can be written to, so a start has to reach each of them, but not {member.where}: "
        f"{reason} Let it be reached from here at that address, {PROMISE}."
    )
