"""A real Kubernetes of one node, a real MySQL beside it, and what the tests ask of both."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.container import images, manifests, own
from tests.container.engine import Engine, told
from tests.container.manifests import Document, one
from tests.kubernetes.build import programs
from tests.kubernetes.cluster import Cluster, running

MYSQL = "schemagate-test-mysql"
SERVER = "aideveloper-server"


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """An engine in namespaces of its own, which end with it: nothing that the kubelet makes is left on this machine."""
    if (found := told()) and found.process:
        yield found
        return
    started = own.OwnEngine()
    try:
        yield started.start()
    finally:
        started.stop()


@pytest.fixture(scope="session")
def passwords() -> dict[str, str]:
    """Of the three accounts, by the names of their Secrets."""
    return {f"database-{name}": secrets.token_hex(12) for name in ("migrate", "check", "server")}


@pytest.fixture(scope="session")
def cluster(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster whose node has the images of gate and application."""
    images.ensure(engine, "mysql:9.7", "node:22-slim")
    images.build_gate(engine, "schemagate")
    engine.docker("build", "--tag", SERVER, str(images.CHECKOUT / "compose/server"))
    with running(engine, programs(), tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


class Database:
    """A MySQL in a container on the bridge of the node, with the accounts of accounts.sql."""

    def __init__(self, engine: Engine, accounts: Path) -> None:
        self._engine = engine
        self._password = secrets.token_hex(12)
        self.id = engine.docker(
            "run",
            "--detach",
            f"--name={MYSQL}",
            f"--env=MYSQL_ROOT_PASSWORD={self._password}",
            f"--volume={accounts}:/docker-entrypoint-initdb.d:ro",
            "mysql:9.7",
        ).stdout.strip()
        self.address = engine.docker("inspect", "--format={{.NetworkSettings.IPAddress}}", self.id).stdout.strip()

    def ask(self, sql: str, *, user: str = "root", password: str = "") -> subprocess.CompletedProcess[str]:
        """What the command-line client prints for a statement, over TCP."""
        words = ["mysql", f"--user={user}", "--host=127.0.0.1", "--batch", "--skip-column-names", f"--execute={sql}"]
        given = f"MYSQL_PWD={password or self._password}"
        return self._engine.docker("exec", "--env", given, self.id, *words, check=False)

    def rows(self, sql: str) -> list[list[str]]:
        """The rows of the application's database."""
        done = self.ask(f"USE aideveloper; {sql}")
        assert done.returncode == 0, done.stderr
        return [line.split("\t") for line in done.stdout.splitlines()]


@pytest.fixture(scope="session")
def mysql(
    engine: Engine, cluster: Cluster, passwords: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """The database, when it takes logins."""
    folder = tmp_path_factory.mktemp("accounts")
    folder.joinpath("accounts.sql").write_text(manifests.accounts(passwords))
    folder.chmod(0o755)
    database = Database(engine, folder)
    try:
        cluster.until(lambda: database.ask("SELECT 1").returncode == 0)
        yield database
    finally:
        engine.docker("rm", "--force", "--volumes", database.id)


@pytest.fixture
def database(cluster: Cluster, mysql: Database) -> Iterator[Database]:
    """The database, with an empty schema and a cluster in which nothing of ours is."""
    mysql.ask("DROP DATABASE IF EXISTS aideveloper; CREATE DATABASE aideveloper CHARACTER SET utf8mb4")
    yield mysql
    cluster.clear()


Apply = Callable[..., None]


@pytest.fixture
def apply(cluster: Cluster, database: Database, passwords: dict[str, str]) -> Apply:
    """Apply documents with their Secrets, and with an entry for the database in /etc/hosts: there is no DNS here.

    apply(documents, replicas=1, without=("Job",)); `change` is a function that may change the application's pod spec.
    """

    def run(
        documents: list[Document],
        replicas: int | None = None,
        without: tuple[str, ...] = (),
        change: Callable[[Any], None] | None = None,
    ) -> None:
        documents = manifests.changed(documents)
        for pod in manifests.pods(documents).values():
            pod["hostAliases"] = [{"ip": database.address, "hostnames": ["mysql"]}]
        if change:
            change(manifests.pods(documents)["Deployment/server"])
        if replicas:
            one(documents, "Deployment")["spec"]["replicas"] = replicas
        wanted = [each for each in documents if each["kind"] not in without]
        cluster.apply([*wanted[:1], *manifests.secrets(passwords), *wanted[1:]])

    return run
