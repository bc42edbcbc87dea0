"""A container engine of our own, where there is none at hand: root is needed, and nothing is installed.

It lives in namespaces of its own: no interface, packet filter, mount or process of it is seen outside, and all are gone
when it ends. Several of them can run at once. Its images stay in the cache.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.container import inside, tools
from tests.container.engine import Engine, EngineFailed, write_config
from tests.instances import commands_naming

PREFIX = "schemagate-engine-"
PATIENCE_SECONDS = 30.0
ADDRESS = "172.17.0.1"


class OwnEngine:
    """An engine that is started for us and ends with us (unless it is `detached`)."""

    def __init__(self, *, detached: bool = False) -> None:
        if os.geteuid() != 0:
            raise EngineFailed("there is none at hand, and starting one needs root")
        _bury()
        self.directory = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._group = f"/{self.directory.name}"
        self._detached = detached
        self._unshare: subprocess.Popen[bytes] | None = None

    def start(self) -> Engine:
        """Raises EngineFailed with what it said if it does not come up."""
        client, root = tools.own_client(), tools.engine_root()
        assert client.programs
        assert client.plugins
        environment = tools.engine_environment(root, self.directory)
        self.directory.joinpath("daemon.json").write_text("{}")
        config = write_config(self.directory / "config", client.plugins)
        data, lock = _data_root()
        guard = [] if self._detached else ["setpriv", "--pdeathsig", "KILL"]
        unshare = ["unshare", "--mount", "--net", "--pid", "--ipc", "--fork", "--kill-child", "--mount-proc"]
        init = [sys.executable, str(Path(__file__).with_name("inside.py")), str(self.directory), ADDRESS]
        with self.directory.joinpath("log").open("wb") as log:
            self._unshare = subprocess.Popen(
                [*guard, *unshare, *init, *self._dockerd(root, data)],
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[lock],  # the data is ours as long as process 1 lives
                start_new_session=True,
            )
        os.close(lock)
        socket = f"unix://{self.directory}/docker.sock"
        path = os.pathsep.join([str(client.programs), os.environ["PATH"]])
        self._wait_for(Engine(socket, path, str(config), None))
        engine = Engine(socket, path, str(config), _child(self._unshare.pid))
        sweep(engine)  # what an engine left that was killed
        return engine

    @property
    def process(self) -> int | None:
        """The process whose end is the end of all of it."""
        return self._unshare.pid if self._unshare else None

    def _dockerd(self, root: Path, data: Path) -> list[str]:
        at = self.directory
        return [
            f"{root}/usr/sbin/dockerd",
            f"--config-file={at}/daemon.json",
            f"--host=unix://{at}/docker.sock",
            f"--data-root={data}",
            f"--exec-root={at}/exec",
            f"--pidfile={at}/pid",
            f"--cgroup-parent={self._group}",
            f"--bip={ADDRESS}/16",
            f"--dns={ADDRESS}",  # where process 1 answers
            "--oom-score-adjust=0",
            "--shutdown-timeout=5",
        ]

    def _wait_for(self, engine: Engine) -> None:
        assert self._unshare
        until = time.monotonic() + PATIENCE_SECONDS
        while engine.docker("version", check=False).returncode:
            if self._unshare.poll() is not None or time.monotonic() > until:
                tail = self.directory.joinpath("log").read_text(errors="replace")[-1500:]
                raise EngineFailed(f"one of our own did not come up: {tail}")
            time.sleep(0.1)

    def stop(self) -> None:
        """End it with all its containers, and remove what it had outside its cache of images."""
        if self._unshare:
            end(self._unshare.pid)
            self._unshare.wait()
        clean(self.directory)


def end(unshare: int) -> None:
    """End the engine whose namespaces were made by this process: asked first, then by force."""
    if init := _child(unshare):
        with contextlib.suppress(ProcessLookupError):
            os.kill(init, signal.SIGTERM)
            until = time.monotonic() + PATIENCE_SECONDS
            while Path(f"/proc/{init}").exists() and time.monotonic() < until:
                time.sleep(0.05)
    with contextlib.suppress(ProcessLookupError):
        os.kill(unshare, signal.SIGKILL)


def clean(directory: Path) -> None:
    """Remove the directory of an engine that has ended, and its control groups."""
    inside.remove_groups(directory.name)
    shutil.rmtree(directory, ignore_errors=True)


def _bury() -> None:
    """Clean up after engines whose maker was killed before it could do that."""
    for directory in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if time.time() - directory.stat().st_mtime > 3600 and not commands_naming(str(directory)):
                clean(directory)


def sweep(engine: Engine) -> None:
    """Remove every container, network and volume of an engine of our own, and the images without a name."""
    if containers := engine.docker("ps", "--all", "--quiet").stdout.split():
        engine.docker("rm", "--force", "--volumes", *containers)
    engine.docker("network", "prune", "--force")
    if volumes := engine.docker("volume", "ls", "--quiet").stdout.split():
        engine.docker("volume", "rm", "--force", *volumes)
    engine.docker("image", "prune", "--force")  # what was built before under the same name


def _child(unshare: int) -> int | None:
    """Process 1 of the namespaces, as this machine numbers it."""
    with contextlib.suppress(OSError, IndexError):
        return int(Path(f"/proc/{unshare}/task/{unshare}/children").read_text().split()[0])
    return None


def _data_root() -> tuple[Path, int]:
    """The first directory for images that no other engine uses, and the lock that makes it ours while it is open."""
    tools.CACHE.mkdir(parents=True, exist_ok=True)
    for number in range(1, 100):
        lock = os.open(tools.CACHE / f"images-{number}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        return tools.CACHE / f"images-{number}", lock
    raise EngineFailed("a hundred engines run already")
