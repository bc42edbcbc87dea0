"""Three real nodes in a network of their own: MySQL Group Replication, or Galera on MariaDB. Root is needed.

Whoever uses this is in a network namespace without any other network (`unshare --net`, which `make test-clusters`
does). Every node has a namespace of its own with two networks: 10.99.1.0 is for clients and 10.99.2.0 for the group, so
that a node can be cut off from the others while its clients still reach it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pymysql

if __name__ == "__main__":  # run by path, to fetch what is needed while there still is a network
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from tests import debroot
from tests.packages import CACHE, RECIPE, SPECS, Spec, prepare, server_program
from tests.reach import Server, greeting, named

if TYPE_CHECKING:
    from tests.reach import Connection

PORT = 3306
PASSWORD = "of nobody else"
SECONDS = 90.0

QUICK = (
    "gcache.size=16M;gmcast.peer_timeout=PT1S;evs.suspect_timeout=PT2S;evs.inactive_timeout=PT4S;"
    "evs.keepalive_period=PT0.5S"
)
SAME = "same"
# A node of Galera that joins asks for a copy of the data, though it needs no more than the last changes: the server
# calls this on both sides; the one that joins says where it listens, and at the end which position it has got.
COPY = """#!/bin/sh
while [ $# -gt 0 ]; do
  case $1 in
    --role) role=$2 ;;
    --address) address=$2 ;;
    --gtid) position=$2 ;;
  esac
  shift
done
file="{directory}/position-${{address%%:*}}"
if [ "$role" = joiner ]; then
  rm -f "$file"; echo "ready $address:4444"
  while [ ! -e "$file" ]; do sleep 0.1; done
  cat "$file"
else
  echo "$position" > "$file.new"; mv "$file.new" "$file"; echo "done $position"
fi
"""


class Node:
    """One node: a server process in a namespace of its own. It dies with the thread that started it."""

    def __init__(self, cluster: Cluster, number: int, directory: Path) -> None:
        self.cluster, self.number, self.directory = cluster, number, directory
        self.address, self.inside = f"10.99.1.{number}", f"10.99.2.{number}"
        directory.joinpath("tmp").mkdir(parents=True)
        self.fill(cluster.cache / "template")
        directory.joinpath("first.sql").write_text(
            ("SET SQL_LOG_BIN = 0;\n" if cluster.kind == "group" else "SET wsrep_on = 0;\n")
            + f"CREATE USER IF NOT EXISTS 'root'@'%' IDENTIFIED BY '{PASSWORD}';\n"
            "GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;\n"
        )
        hold = ["unshare", "--net", "setpriv", "--pdeathsig", "KILL", "--", "sleep", "infinity"]
        self._holder = subprocess.Popen(hold)
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._wire()
        except BaseException:
            self.remove()
            raise

    def _wire(self) -> None:
        here = os.stat("/proc/self/ns/net").st_ino
        while os.stat(f"/proc/{self._holder.pid}/ns/net").st_ino == here:
            time.sleep(0.01)
        for name, bridge, address in (("c", "brc", self.address), ("g", "brg", self.inside)):
            ip("link", "add", f"{name}{self.number}", "type", "veth", "peer", "name", f"{name}x{self.number}")
            ip("link", "set", f"{name}{self.number}", "master", bridge, "up")
            ip("link", "set", f"{name}x{self.number}", "netns", str(self._holder.pid))
            self.within("ip", "addr", "add", f"{address}/24", "dev", f"{name}x{self.number}")
            self.within("ip", "link", "set", f"{name}x{self.number}", "up")
        self.within("ip", "link", "set", "lo", "up")

    def fill(self, source: Path) -> None:
        """Its data are to be a copy of these."""
        shutil.rmtree(self.directory / "data", ignore_errors=True)
        copy = ["cp", "--archive", "--sparse=always", str(source), str(self.directory / "data")]
        subprocess.run(copy, check=True)

    def within(self, *words: str) -> None:
        """Run a command in the node's namespace."""
        subprocess.run(["nsenter", f"--net=/proc/{self._holder.pid}/ns/net", *words], check=True)

    def start(self, *options: str, seconds: float = SECONDS) -> None:
        """Start the server, and wait until it lets clients in."""
        argv = [*server_program(self.cluster.spec.flavour, self.cluster.cache / "root"), *self._settings(), *options]
        enter = ["nsenter", f"--net=/proc/{self._holder.pid}/ns/net", "setpriv", "--pdeathsig", "KILL", "--"]
        with self.directory.joinpath("server.err").open("ab") as log:
            self._process = subprocess.Popen(
                [*enter, *argv],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "PATH": f"{self.cluster.directory}:{os.environ['PATH']}"},
            )
        until(lambda: self._process is not None and (self._process.poll() is not None or self._answers()), seconds)
        assert self._process.poll() is None, f"node {self.number} ended:\n{self.log[-3000:]}"

    def _answers(self) -> bool:
        try:
            self.value("SELECT 1")
        except (pymysql.err.Error, OSError):
            return False
        return True

    @property
    def log(self) -> str:
        """What the server wrote to its error log."""
        return (self.directory / "server.err").read_text(errors="replace")

    def _settings(self) -> list[str]:
        d = self.directory
        common = [
            f"--datadir={d}/data",
            f"--port={PORT}",
            "--bind-address=0.0.0.0",
            "--socket=server.sock",
            f"--pid-file={d}/pid",
            f"--tmpdir={d}/tmp",
            f"--init-file={d}/first.sql",
            "--skip-name-resolve",
            f"--server-id={self.number}",
            "--character-set-server=utf8mb4",
            "--max-connections=400",
            "--innodb-flush-log-at-trx-commit=2",
            "--innodb-buffer-pool-size=64M",
        ]
        members = [f"10.99.2.{number}" for number in range(1, self.cluster.size + 1)]
        return common + (self._group(members) if self.cluster.kind == "group" else self._galera(members))

    def _group(self, members: Sequence[str]) -> list[str]:
        single = self.cluster.single_primary
        return [
            "--mysqlx=OFF",
            "--secure-file-priv=NULL",
            "--innodb-redo-log-capacity=64M",
            "--gtid-mode=ON",
            "--enforce-gtid-consistency=ON",
            "--log-bin",
            f"--report-host={self.address}",
            f"--report-port={PORT}",
            "--plugin-load-add=group_replication.so",
            f"--loose-group-replication-group-name={self.cluster.name}",
            f"--loose-group-replication-local-address={self.inside}:33061",
            f"--loose-group-replication-group-seeds={','.join(f'{each}:33061' for each in members)}",
            "--loose-group-replication-ip-allowlist=10.99.0.0/16",
            f"--loose-group-replication-single-primary-mode={'ON' if single else 'OFF'}",
            f"--loose-group-replication-enforce-update-everywhere-checks={'OFF' if single else 'ON'}",
            "--loose-group-replication-communication-stack=XCOM",
            "--loose-group-replication-recovery-get-public-key=ON",
            "--loose-group-replication-member-expel-timeout=0",
            "--loose-group-replication-start-on-boot=OFF",
        ]

    def _galera(self, members: Sequence[str]) -> list[str]:
        return [
            "--innodb-log-file-size=64M",
            "--binlog-format=ROW",
            "--default-storage-engine=InnoDB",
            "--innodb-autoinc-lock-mode=2",
            "--wsrep-on=ON",
            f"--wsrep-provider={self.cluster.provider}",
            "--wsrep-cluster-name=tests",
            f"--wsrep-cluster-address=gcomm://{','.join(members)}",
            f"--wsrep-node-address={self.inside}",
            f"--wsrep-node-incoming-address={self.address}:{PORT}",
            f"--wsrep-sst-method={SAME}",
            f"--wsrep-provider-options={QUICK}",
        ]

    # --- what happens to a node ---

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        """kill -9 of the server, or another signal that ends it."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait()

    def cut(self) -> None:
        """Part it from the other nodes; clients still reach it."""
        ip("link", "set", f"g{self.number}", "down")

    def mend(self) -> None:
        """Undo `cut`."""
        ip("link", "set", f"g{self.number}", "up")

    def remove(self) -> None:
        """End it, with its namespace and so its networks."""
        self.kill()
        for link in ("c", "g"):  # a namespace that ends takes its time to drop them
            with contextlib.suppress(subprocess.CalledProcessError):
                ip("link", "del", f"{link}{self.number}")
        self._holder.kill()
        self._holder.wait()

    # --- asking it ---

    @property
    def server(self) -> Server:
        """How to reach it, as root."""
        return named(
            Server("", "", (), self.address, PORT, "root", PASSWORD, None, ()), greeting(self.address, PORT) or "0.0"
        )

    def connect(self, database: str | None = None, **options: Any) -> Connection:
        """A session of root's."""
        where: dict[str, Any] = {"host": self.address, "port": PORT, "database": database, "autocommit": True}
        account: dict[str, Any] = {"user": "root", "password": PASSWORD, "connect_timeout": 5}
        connection: Connection = pymysql.connect(**(where | account | options))
        return connection

    def rows(self, *statements: str, database: str | None = None) -> tuple[tuple[Any, ...], ...]:
        """Run these in a session of their own; the rows of the last."""
        with contextlib.closing(self.connect(database)) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return tuple(cursor.fetchall())

    def value(self, statement: str) -> Any:
        """The first column of the first row."""
        return self.rows(statement)[0][0]


class Cluster:
    """Three nodes of one kind ("group" or "galera"), all of them at work after `start`; `remove` ends them."""

    def __init__(self, kind: str, *, single_primary: bool = False, label: str = "") -> None:
        self.kind, self.size, self.single_primary = kind, 3, single_primary
        self.name = str(uuid.uuid4())
        self.spec = spec_of(label or ("mysql" if kind == "group" else "mariadb-10.11"))
        self.cache = prepare([self.spec])[self.spec.label]
        self.provider = galera(self.spec) if kind == "galera" else None
        self.directory = Path(tempfile.mkdtemp(prefix="schemagate-cluster-"))
        script = self.directory / f"wsrep_sst_{SAME}"
        script.write_text(COPY.format(directory=self.directory))
        script.chmod(0o755)
        for bridge in ("brc", "brg"):
            with contextlib.suppress(subprocess.CalledProcessError):
                ip("link", "del", bridge)
            ip("link", "add", bridge, "type", "bridge")
            ip("link", "set", bridge, "up")
        ip("link", "set", "lo", "up")
        ip("addr", "add", "10.99.1.254/24", "dev", "brc")
        self.nodes: list[Node] = []

    def start(self) -> Cluster:
        """Bring the nodes up, one after the other."""
        for number in range(1, self.size + 1):
            self.nodes.append(Node(self, number, self.directory / str(number)))
        if self.kind == "galera":  # with the same state everywhere, those that join need no copy
            self.nodes[0].start("--wsrep-new-cluster")
            self.nodes[0].kill(signal.SIGTERM)
            for node in self.nodes[1:]:
                node.fill(self.nodes[0].directory / "data")
        for node in self.nodes:
            first = node.number == 1
            if self.kind == "galera":
                node.start(*(["--wsrep-new-cluster"] if first else []))
            else:
                node.start()
                self._join(node, first=first)
        until(lambda: all(self.members(node) == self.size for node in self.nodes), SECONDS)
        return self

    def _join(self, node: Node, *, first: bool) -> None:
        source = "CHANGE REPLICATION SOURCE TO SOURCE_USER = 'root', "
        begin = ["SET GLOBAL group_replication_bootstrap_group = ON"] if first else []
        node.rows(
            "RESET BINARY LOGS AND GTIDS",
            f"{source} SOURCE_PASSWORD = '{PASSWORD}' FOR CHANNEL 'group_replication_recovery'",
            *begin,
            "START GROUP_REPLICATION",
            "SET GLOBAL group_replication_bootstrap_group = OFF",
        )

    def members(self, node: Node) -> int:
        """How many nodes are at work in this one's view; 0 where it does not answer."""
        try:
            if self.kind == "galera":
                status = dict(node.rows("SHOW GLOBAL STATUS LIKE 'wsrep_%'"))
                ready = (status["wsrep_ready"], status["wsrep_local_state_comment"]) == ("ON", "Synced")
                return int(status["wsrep_cluster_size"]) if ready else 0
            return int(
                node.value(
                    "SELECT COUNT(*) FROM performance_schema.replication_group_members WHERE MEMBER_STATE = 'ONLINE'"
                )
            )
        except (pymysql.err.Error, OSError):
            return 0

    def remove(self) -> None:
        """End all of it."""
        for node in self.nodes:
            node.remove()
        shutil.rmtree(self.directory, ignore_errors=True)


def spec_of(label: str) -> Spec:
    """The server of that label, or whose label begins so."""
    return next(spec for spec in SPECS if spec.label.startswith(label))


def galera(spec: Spec) -> Path:
    """The provider: a library that the server loads."""

    def build(directory: Path) -> None:
        debroot.unpack_alone(spec.suite, ["galera-4"], directory / "root")

    root = debroot.once(CACHE / f"{spec.label}-galera-{RECIPE}", build) / "root"
    return next(root.glob("usr/lib/**/libgalera_smm.so"))


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def until(condition: Any, seconds: float) -> None:
    """Wait until it holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.1)


if __name__ == "__main__":
    prepare([spec_of("mysql")])
    prepare([spec_of("mariadb-10.11")])
    galera(spec_of("mariadb-10.11"))
