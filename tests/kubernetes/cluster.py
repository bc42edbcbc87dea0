"""A Kubernetes of one node, for the time of a `with`: real API server, controllers, scheduler, kubelet and etcd.

All of it runs in the namespaces of a container engine of our own, and ends with it. There is no DNS and no kube-proxy:
pods reach each other, and what else is on the engine's bridge, by address.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests import debroot
from tests.certificates import make_certificates
from tests.container import manifests, own
from tests.container.engine import Engine
from tests.container.manifests import Document

PAUSE = "schemagate-test-pause"
PATIENCE_SECONDS = 180.0
Found = TypeVar("Found")


class Cluster:
    """Talks to the cluster as kubectl does, and waits for what should become true."""

    def __init__(self, engine: Engine, programs: Path, directory: Path) -> None:
        self.engine, self._programs, self._directory = engine, programs, directory
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._token = secrets.token_hex(16)
        self._kubeconfig = directory / "kubeconfig"
        make_certificates(directory)
        key = rsa.generate_private_key(65537, 2048)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        directory.joinpath("accounts.pem").write_bytes(pem)
        directory.joinpath("tokens").write_text(f"{self._token},admin,admin,system:masters\n")
        self._kubeconfig.write_text(json.dumps(self._access()))

    def start(self) -> None:
        """Start everything; returns when the node takes pods."""
        self._inside("mount", "--types", "tmpfs", "tmpfs", "/var/log")  # where the kubelet keeps logs, unasked
        for program, options in self._components().items():
            self._spawn(program, options)
            if program == "kube-apiserver":
                self.until(lambda: self.kubectl("get", "--raw", "/readyz", check=False).stdout == "ok")
        self.until(self._is_ready)
        self.until(lambda: self.kubectl("get", "serviceaccount", "default", check=False).returncode == 0)

    def stop(self) -> None:
        """End everything."""
        for process in reversed(self._processes.values()):
            process.kill()
            process.wait()
        self._inside("umount", "/var/log")

    def kubectl(self, *words: str, stdin: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        """`kubectl WORDS…`. If it fails and `check` is set, the error has what it printed."""
        command = [*manifests.kubectl(), "--kubeconfig", str(self._kubeconfig), *words]
        done = subprocess.run(
            self.engine.inside(command),
            env={"PATH": os.environ["PATH"], "HOME": str(self._directory)},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0 or not check, f"kubectl {' '.join(words)}: {done.stdout}{done.stderr}"
        return done

    def apply(self, documents: Iterable[Document]) -> None:
        """`kubectl apply`; what this old release does not know of a manifest is left out by it, unsaid."""
        self.kubectl("apply", "--validate=false", "--filename=-", stdin=yaml.safe_dump_all(documents))

    def clear(self) -> None:
        """Remove what was applied, at once; but for the namespace, which takes Kubernetes minutes."""
        here = "--namespace=aideveloper"
        self.kubectl("delete", "deployments,replicasets,jobs", "--all", here)

        def gone() -> bool:
            self.kubectl("delete", "pods", "--all", here, "--force", "--grace-period=0", check=False)
            return not self.pods("")

        self.until(gone)
        if containers := self.engine.docker("ps", "--all", "--quiet", "--filter=name=_aideveloper_").stdout.split():
            self.engine.docker("rm", "--force", *containers, check=False)  # the kubelet is at it, too

    def pods(self, label: str) -> list[Document]:
        """The pods with this label (`app=server`, or all) as the API server has them, oldest first."""
        words = ("get", "pods", "--namespace=aideveloper", f"--selector={label}", "--output=json")
        found: list[Document] = json.loads(self.kubectl(*words).stdout)["items"]
        return sorted(found, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))

    def until(self, ask: Callable[[], Found], seconds: float = PATIENCE_SECONDS) -> Found:
        """Ask until the answer is one that counts, and answer it."""
        deadline = time.monotonic() + seconds
        while not (found := ask()):
            ended = [program for program, process in self._processes.items() if process.poll() is not None]
            assert not ended, f"{ended} ended{self.news()}"
            assert time.monotonic() < deadline, f"it did not come true in {seconds:g} s{self.news()}"
            time.sleep(0.5)
        return found

    def news(self) -> str:
        """What the cluster has to tell when something goes wrong."""
        told = [self.kubectl("get", "pods", "--all-namespaces", "--output=wide", check=False).stdout]
        told += [self.kubectl("get", "events", "--namespace=aideveloper", check=False).stdout[-3000:]]
        told += [f"{log.name}: {log.read_text(errors='replace')[-1500:]}" for log in self._directory.glob("*.log")]
        return "\n".join(["", *told])

    def _is_ready(self) -> bool:
        nodes = json.loads(self.kubectl("get", "nodes", "--output=json").stdout)["items"]
        return any(c["type"] == "Ready" and c["status"] == "True" for n in nodes for c in n["status"]["conditions"])

    def _spawn(self, program: str, options: Iterable[str]) -> None:
        with self._directory.joinpath(f"{program}.log").open("wb") as log:
            self._processes[program] = subprocess.Popen(
                self._words("setpriv", "--pdeathsig", "KILL", str(self._programs / program), *options),
                cwd=self._directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _inside(self, *command: str) -> None:
        subprocess.run(self._words(*command), check=True)

    def _words(self, *command: str) -> list[str]:
        """The words that run a command in all namespaces of the engine."""
        return ["nsenter", "--mount", "--net", "--pid", "--ipc", "--target", str(self.engine.process), "--", *command]

    def _access(self) -> Document:
        cluster = {
            "server": "https://127.0.0.1:6443",
            "certificate-authority": f"{self._directory}/ca.pem",
        }
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "admin", "user": {"token": self._token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
            "current-context": "test",
        }

    def _components(self) -> dict[str, list[str]]:
        d = self._directory
        access = f"--kubeconfig={self._kubeconfig}"
        return {
            "etcd": [f"--data-dir={d}/etcd", "--unsafe-no-fsync", "--log-level=warn"],
            "kube-apiserver": [
                "--etcd-servers=http://127.0.0.1:2379",
                "--secure-port=6443",
                "--bind-address=127.0.0.1",
                f"--advertise-address={own.ADDRESS}",
                f"--cert-dir={d}",
                f"--tls-cert-file={d}/server.pem",
                f"--tls-private-key-file={d}/server-key.pem",
                "--service-cluster-ip-range=10.96.0.0/24",
                "--service-account-issuer=https://127.0.0.1:6443",
                f"--service-account-signing-key-file={d}/accounts.pem",
                f"--service-account-key-file={d}/accounts.pem",
                f"--token-auth-file={d}/tokens",
                "--authorization-mode=AlwaysAllow",
            ],
            "kube-controller-manager": [
                access,
                "--leader-elect=false",
                "--port=0",
                f"--cert-dir={d}",
                f"--root-ca-file={d}/ca.pem",
                f"--service-account-private-key-file={d}/accounts.pem",
            ],
            "kube-scheduler": [access, "--leader-elect=false", "--port=0", f"--cert-dir={d}"],
            "kubelet": [
                access,
                f"--root-dir={d}/kubelet",
                f"--cert-dir={d}/kubelet-certificates",
                f"--docker-endpoint={self.engine.host}",
                f"--experimental-dockershim-root-directory={d}/dockershim",
                f"--volume-plugin-dir={d}/plugins",
                f"--pod-infra-container-image={PAUSE}",
                "--hostname-override=node",
                f"--node-ip={own.ADDRESS}",
                "--cgroups-per-qos=false",
                "--enforce-node-allocatable=",
                "--eviction-hard=memory.available<1Mi",
                "--fail-swap-on=false",
                "--make-iptables-util-chains=false",
                "--feature-gates=DevicePlugins=false",
                "--anonymous-auth=false",
                "--authorization-mode=AlwaysAllow",
                "--read-only-port=0",
                "--resolv-conf=",
                "--sync-frequency=5s",
            ],
        }


def make_pause(engine: Engine, directory: Path) -> None:
    """The image of the container that holds a pod's address: it sleeps until it is told to end."""
    root = directory / "pause"
    debroot.unpack_alone("bookworm", ["busybox-static"], directory / "busybox")
    root.mkdir()
    (directory / "busybox/bin/busybox").resolve().rename(root / "busybox")
    subprocess.run(["tar", "-C", str(root), "-cf", str(directory / "pause.tar"), "."], check=True)
    sleep = json.dumps(["/busybox", "sh", "-c", "trap 'exit 0' TERM; while :; do /busybox sleep 3600 & wait; done"])
    engine.docker("import", f"--change=ENTRYPOINT {sleep}", str(directory / "pause.tar"), PAUSE)


@contextlib.contextmanager
def running(engine: Engine, programs: Path, directory: Path) -> Iterator[Cluster]:
    """A cluster, until the `with` ends."""
    make_pause(engine, directory)
    cluster = Cluster(engine, programs, directory)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def states(pod: Document, kind: str) -> list[Any]:
    """The statuses of a pod's containers: kind is `init` or nothing."""
    return list(pod["status"].get(f"{kind}ContainerStatuses" if kind else "containerStatuses", []))
