"""Real servers as processes of this machine: made, started, stopped, killed and removed."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from tests.certificates import make_certificates
from tests.packages import ServerFailed, Spec, choose, client, prepare, server_program
from tests.reach import Server, greeting, named

PREFIX = "schemagate-servers-"
# Where there is room in it, servers keep their data in memory: a statement of DDL waits for the disk several times.
MEMORY, ROOM_BYTES = Path("/dev/shm"), 4 << 30


class Instance:
    """One server of our own: its port, password and data stay over restarts; it dies with the thread that started it
    unless it is `detached`.

    It listens on 127.0.0.1 with TLS, has the account root with all rights, and keeps everything below `directory`.
    Commits survive `kill`, but not a crash of the machine.
    """

    def __init__(
        self, spec: Spec, cache: Path, directory: Path, *, options: Sequence[str] = (), detached: bool = False
    ) -> None:
        self.spec = spec
        self.directory = directory
        self.options = tuple(options)
        self.port = free_port()
        self.password = secrets.token_hex(12)
        self.root = cache / "root"
        self.version = ""
        self._detached = detached
        self._initialised = False
        self._process: subprocess.Popen[bytes] | None = None
        directory.joinpath("tmp").mkdir(parents=True)
        make_certificates(directory)
        copy = ["cp", "--archive", "--sparse=always", str(cache / "template"), str(directory / "data")]
        subprocess.run(copy, check=True)
        directory.joinpath("first.sql").write_text(
            f"CREATE USER IF NOT EXISTS 'root'@'%' IDENTIFIED BY '{self.password}';\n"
            "GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;\n"
            f"ALTER USER 'root'@'localhost' IDENTIFIED BY '{self.password}';\n"
        )

    @property
    def pid(self) -> int | None:
        """The process, while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def log(self) -> str:
        """What the server wrote to its error log, over all its starts."""
        path = self.directory / "server.err"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self, *options: str, seconds: float = 60.0) -> None:
        """Start it and wait until it accepts connections; `options` are for this start only."""
        self.spawn(*options)
        self.wait(seconds)

    def spawn(self, *options: str) -> None:
        """Start it without waiting."""
        assert self.pid is None, f"{self.spec.label} runs already"
        argv = [*server_program(self.spec.flavour, self.root), *self._settings(), *self.options, *options]
        if not self._initialised:
            argv.append(f"--init-file={self.directory}/first.sql")
        # The limit of open files decides how many connections the server will allow.
        prefix = ["/bin/sh", "-c", 'ulimit -S -n "$(ulimit -H -n)"; exec "$@"', "server"]
        if not self._detached:
            prefix = ["setpriv", "--pdeathsig", "KILL", "--", *prefix]
        with self.directory.joinpath("server.err").open("ab") as log:
            self._process = subprocess.Popen(
                [*prefix, *argv], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def wait(self, seconds: float = 60.0) -> None:
        """Wait until it accepts connections."""
        assert self._process
        deadline = time.monotonic() + seconds
        while not (self._has_its_port() and (version := greeting("127.0.0.1", self.port))):
            if self._process.poll() is not None or time.monotonic() > deadline:
                why = f"ended with {self._process.returncode}" if self.pid is None else f"is silent after {seconds:g} s"
                self.kill()
                raise ServerFailed(f"{self.spec.label} {why}:\n{self.log[-3000:]}")
            time.sleep(0.02)
        self.version = version
        self._initialised = True

    def _has_its_port(self) -> bool:
        # The pid file comes after the port: without it, the one who answers there may be somebody else's server.
        path = self.directory / "pid"
        return path.exists() and path.read_text().strip() == str(self.pid)

    def stop(self) -> None:
        """A clean shutdown; answers when it has ended."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9; answers when it has ended."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self._process and self._process.poll() is None:
            self._process.send_signal(how)
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def remove(self) -> None:
        """Kill it and remove its data."""
        discard([self])

    def server(self) -> Server:
        """How to reach it; ask after its first start."""
        return named(
            Server(
                label="",
                flavour="",
                version=(),
                host="127.0.0.1",
                port=self.port,
                user="root",
                password=self.password,
                ca=str(self.directory / "ca.pem"),
                client=tuple(client(self.spec.flavour, self.root)),
            ),
            self.version,
        )

    def _settings(self) -> list[str]:
        d = self.directory
        common = [
            f"--datadir={d}/data",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            "--socket=server.sock",  # in the data directory: a full path may be longer than a socket's may be
            f"--pid-file={d}/pid",
            f"--tmpdir={d}/tmp",  # MariaDB begins with removing the temporary tables that it finds there: anybody's
            "--skip-name-resolve",
            f"--ssl-ca={d}/ca.pem",
            f"--ssl-cert={d}/server.pem",
            f"--ssl-key={d}/server-key.pem",
            "--character-set-server=utf8mb4",
            "--max-connections=400",
            "--innodb-flush-log-at-trx-commit=2",
            "--innodb-buffer-pool-size=64M",
        ]
        if self.spec.flavour == "mysql":
            return [
                *common,
                "--mysqlx=OFF",
                "--skip-log-bin",
                "--secure-file-priv=NULL",
                "--innodb-redo-log-capacity=64M",
                "--performance-schema=ON",
            ]
        return [*common, "--innodb-log-file-size=64M"]


def launch(labels: Sequence[str], *, detached: bool = False, on_disk: bool = False) -> list[Instance]:
    """Fresh servers, all accepting connections; `discard` ends them. They begin at the same time."""
    specs = choose(labels)
    caches = prepare(specs)
    _sweep()
    directory = Path(tempfile.mkdtemp(prefix=PREFIX, dir=None if on_disk else in_memory()))
    instances: list[Instance] = []
    try:
        for spec in specs:
            instances.append(Instance(spec, caches[spec.label], directory / spec.label, detached=detached))
            instances[-1].spawn()
        for instance in instances:
            instance.wait()
    except BaseException:
        discard(instances)
        shutil.rmtree(directory, ignore_errors=True)
        raise
    return instances


def in_memory() -> Path | None:
    """A directory in memory for the data of servers; None where there is none, or not enough of it."""
    with contextlib.suppress(OSError):
        if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ROOM_BYTES:
            return MEMORY
    return None


def discard(instances: Sequence[Instance]) -> None:
    """Kill the servers, and remove all that they kept."""
    for instance in instances:
        instance.kill()
    for instance in instances:
        shutil.rmtree(instance.directory, ignore_errors=True)
        with contextlib.suppress(OSError):  # it is not empty as long as it holds the directory of another instance
            instance.directory.parent.rmdir()


def commands_naming(text: str) -> dict[int, bytes]:
    """The running programs (by process id) with this text among their arguments."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if text.encode() in (words := path.read_bytes()):
                found[int(path.parent.name)] = words
    return found


def _sweep() -> None:
    """Remove the data of servers whose maker was killed before it could do that."""
    for directory in chain.from_iterable(Path(place).glob(f"{PREFIX}*") for place in (tempfile.gettempdir(), MEMORY)):
        with contextlib.suppress(OSError):
            old = time.time() - directory.stat().st_mtime > 3600
            if old and directory.stat().st_uid == os.geteuid() and not commands_naming(str(directory)):
                shutil.rmtree(directory, ignore_errors=True)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, below those the system gives to outgoing connections."""
    while True:
        port = 12000 + secrets.randbelow(20000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
