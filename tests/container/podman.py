"""podman, to play manifests of Kubernetes quickly: in namespaces of its own, from nothing but Debian's packages.

It runs the initContainers of a pod in order, and the others only after them. What it does not do: it ignores
runAsNonRoot and terminationMessagePath, makes one pod of a Deployment, and never starts an initContainer again.
Containers have the network of this machine, and so its 127.0.0.1. Root is needed.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

import yaml

from tests import debroot
from tests.container import tools
from tests.container.engine import Engine

RECIPE = 1  # raise it when what is cached is made in another way
PREFIX = "schemagate-podman-"
CGROUP = "libpod_parent"
CONFIGURATION = """
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
[containers]
default_ulimits = ["nofile=8192:8192", "nproc=8192:8192"]
"""


class Podman:
    """A podman that is there for a `with`, and its containers with it."""

    def __init__(self) -> None:
        self._root = debroot.once(tools.CACHE / f"podman-{RECIPE}", _unpack) / "root"
        self._directory = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._directory.joinpath("storage").mkdir()
        self._directory.joinpath("containers.conf").write_text(CONFIGURATION)
        self._unshare: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        unshare = ["unshare", "--mount", "--pid", "--ipc", "--fork", "--kill-child", "--mount-proc"]
        inside = [sys.executable, str(Path(__file__).with_name("inside_podman.py"))]
        self._unshare = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *unshare, *inside, str(self._root), str(self._directory)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
        assert self._unshare.stdout
        assert self._unshare.stdout.readline() == "ready\n", "podman's namespaces did not come up"
        return self

    def __exit__(self, *_told: object) -> None:
        if self._unshare:
            self._unshare.kill()  # and with it process 1 of the namespaces, and all others
            self._unshare.wait()
            assert self._unshare.stdout
            self._unshare.stdout.close()
        shutil.rmtree(self._directory)
        for group in Path("/sys/fs/cgroup").glob(f"**/{CGROUP}"):
            for path, _, _ in os.walk(group, topdown=False):
                with contextlib.suppress(OSError):  # somebody else's podman
                    os.rmdir(path)

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """`podman WORDS…`. If it fails and `check` is set, the error has what it printed."""
        done = subprocess.run(
            self._argv(words),
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0 or not check, f"podman {' '.join(words)}: {done.stdout}{done.stderr}"
        return done

    def load(self, engine: Engine, image: str) -> None:
        """Take an image over from the container engine, under the name that it has there."""
        archive = self._directory / "image.tar"
        engine.docker("save", "--output", str(archive), image)
        self.run("load", "--quiet", "--input", "/state/image.tar")
        archive.unlink()

    def make_sleeper(self, name: str) -> None:
        """An image that does nothing, for as long as it is let; it stands for an application."""
        files = self._directory / "sleeper"
        files.mkdir()
        shutil.copyfile(self._root / "usr/bin/busybox", files / "busybox")
        files.joinpath("busybox").chmod(0o755)
        subprocess.run(["tar", "-C", str(files), "-cf", str(self._directory / "sleeper.tar"), "."], check=True)
        self.run("import", "--quiet", '--change=ENTRYPOINT ["/busybox","sleep","3600"]', "/state/sleeper.tar", name)

    def play(self, *playbooks: Sequence[dict[str, Any]]) -> list[subprocess.CompletedProcess[str]]:
        """`podman kube play` for each of the playbooks, all at the same time."""
        running = []
        for number, documents in enumerate(playbooks):
            self._directory.joinpath(f"{number}.yaml").write_text(yaml.safe_dump_all(documents))
            argv = self._argv(["kube", "play", f"/state/{number}.yaml"])
            running.append(
                subprocess.Popen(
                    argv,
                    env=self._environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
        return [_finished(process) for process in running]

    def state(self, container: str) -> dict[str, Any]:
        """What `podman inspect` says of a container's state."""
        state: dict[str, Any] = json.loads(self.run("inspect", "--format={{json .State}}", container).stdout)
        return state

    def clear(self) -> None:
        """Remove all pods, volumes and secrets."""
        self.run("pod", "rm", "--all", "--force", "--time=0")
        self.run("volume", "rm", "--all", "--force")
        self.run("secret", "rm", "--all")

    def _argv(self, words: Iterable[str]) -> list[str]:
        assert self._unshare
        child = Path(f"/proc/{self._unshare.pid}/task/{self._unshare.pid}/children").read_text().split()[0]
        return ["nsenter", "--mount", "--pid", "--ipc", "--target", child, "--", "/usr/bin/podman", *words]

    def _environment(self) -> dict[str, str]:
        """Nothing of this machine's: not its proxies, which would be handed to the containers."""
        return {
            "PATH": "/usr/sbin:/usr/bin",
            "HOME": "/tmp",  # in the namespaces
            "CONTAINERS_CONF": "/state/containers.conf",
            "PODMAN_IGNORE_CGROUPSV1_WARNING": "1",
        }


def _finished(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    stdout, stderr = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def _unpack(directory: Path) -> None:
    root = directory / "root"
    debroot.unpack("sid", ["podman", "runc", "busybox-static", "catatonit"], root)
    for name in ("proc", "sys", "dev", "run", "tmp", "var/cache", "var/tmp", "var/lib/containers", "state", "root"):
        root.joinpath(name).mkdir(parents=True, exist_ok=True)
    root.joinpath("etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    root.joinpath("etc/group").write_text("root:x:0:\n")
