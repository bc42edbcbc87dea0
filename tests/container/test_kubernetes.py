"""The manifests of compose/kubernetes, played by a real engine against a real MySQL.

`podman kube play` stands for the kubelet here; tests/kubernetes has the real one.
"""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Iterator
from typing import Any

import pymysql
import pytest

from tests.container import manifests
from tests.container.engine import Engine
from tests.container.manifests import Document, one
from tests.container.podman import Podman
from tests.instances import Instance, discard, launch
from tests.reach import Server

BROKEN = "20260101_broken.sql"


@pytest.fixture(scope="module")
def built() -> dict[str, list[Document]]:
    """What kustomize makes of each of the two ways."""
    return manifests.both()


@pytest.fixture(scope="module")
def passwords() -> dict[str, str]:
    """Of the three accounts, by the names of their Secrets."""
    return {f"database-{name}": secrets.token_hex(12) for name in ("migrate", "check", "server")}


@pytest.fixture(scope="module")
def mysql(passwords: dict[str, str]) -> Iterator[Instance]:
    """A MySQL on this machine, with the accounts of accounts.sql."""
    (instance,) = launch(["mysql"])
    try:
        command = instance.server().client_command()
        password = {"MYSQL_PWD": instance.password}
        subprocess.run(command, input=manifests.accounts(passwords), env=os.environ | password, text=True, check=True)
        yield instance
    finally:
        discard([instance])


@pytest.fixture
def empty(mysql: Instance) -> Iterator[Server]:
    """That MySQL, without the schema before the test and after it."""
    yield mysql.server()
    with mysql.server().connect() as connection, connection.cursor() as cursor:
        cursor.execute("DROP DATABASE IF EXISTS aideveloper")


@pytest.fixture(scope="module")
def machine(engine: Engine, gate_image: str) -> Iterator[Podman]:
    """A podman with the product's image, and one that stands for the application."""
    with Podman() as podman:
        podman.load(engine, gate_image)
        podman.run("tag", gate_image, "schemagate")
        podman.make_sleeper("aideveloper-server")
        yield podman


@pytest.fixture
def podman(machine: Podman) -> Iterator[Podman]:
    """It, with no pod before the test and none after it."""
    yield machine
    machine.clear()


class Cluster:
    """Plays the documents of one way; what podman cannot do (replicas, names of hosts) is done here."""

    def __init__(self, podman: Podman, server: Server, passwords: dict[str, str]) -> None:
        self.podman, self.server, self.passwords = podman, server, passwords

    def play(self, documents: list[Document], workload: str, *names: str) -> list[bool]:
        """A pod of the workload under each of the names, all at once; answers which of them came up."""
        return [done.returncode == 0 for done in self.podman.play(*(self._pod(documents, workload, n) for n in names))]

    def _pod(self, documents: list[Document], workload: str, name: str) -> list[Document]:
        documents = manifests.changed(documents)
        one(documents, "ConfigMap", "database")["data"]["host"] = self.server.host
        pod = manifests.pods(documents)[workload]
        pod["hostNetwork"] = True
        for container in manifests.containers(pod):
            container["env"].append({"name": "MYSQL_PORT", "value": str(self.server.port)})
        supply = [each for each in documents if each["kind"] == "ConfigMap"] + manifests.secrets(self.passwords)
        for each in supply:  # podman makes a volume of each, which two pods that start at once cannot share
            each["metadata"]["name"] += f"-{name}"
        return [*supply, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": _own(pod, name)}]

    def state(self, pod: str, container: str) -> tuple[str, int]:
        """(what podman says of it, its exit code); of a container that never ran, "never started"."""
        state = self.podman.state(f"{pod}-{container}")
        never = state["StartedAt"].startswith("0001")
        return ("never started" if never else state["Status"], state["ExitCode"])

    def rows(self, sql: str) -> list[Any]:
        """The first column of what root reads in the database."""
        with self.server.connect(database="aideveloper") as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return [row[0] for row in cursor.fetchall()]

    def applied_twice(self) -> list[Any]:
        """Statements that the journal has more than once."""
        return self.rows(
            "SELECT CONCAT(migration, ':', ordinal) FROM schemagate_journal GROUP BY migration, ordinal"
            " HAVING COUNT(*) > 1"
        )


def _own(pod: Any, name: str) -> Any:
    """The pod spec with the names of ConfigMaps and Secrets that only this pod uses."""
    if isinstance(pod, list):
        return [_own(each, name) for each in pod]
    if not isinstance(pod, dict):
        return pod
    own = {key: _own(value, name) for key, value in pod.items()}
    for reference, key in (
        ("configMapKeyRef", "name"),
        ("secretKeyRef", "name"),
        ("configMap", "name"),
        ("secret", "secretName"),
    ):
        if reference in own:
            own[reference] = {**own[reference], key: f"{own[reference][key]}-{name}"}
    return own


@pytest.fixture
def cluster(podman: Podman, empty: Server, passwords: dict[str, str]) -> Cluster:
    """An empty database, and podman."""
    return Cluster(podman, empty, passwords)


def test_an_application_behind_a_gate_that_fails_never_starts(
    cluster: Cluster, built: dict[str, list[Document]]
) -> None:
    """A migration with a syntax error keeps the pod's application from starting; mended, it starts."""
    good = built["initcontainer"]
    broken = manifests.changed(good, **{BROKEN: "ALTER TABEL workflows ADD COLUMN priority INT;\n"})
    assert cluster.play(broken, "Deployment/server", "broken") == [False]
    assert cluster.state("broken", "migrate") == ("exited", 30)
    assert cluster.state("broken", "server") == ("never started", 0)
    assert cluster.play(good, "Deployment/server", "mended") == [True]
    assert cluster.state("mended", "server") == ("running", 0)


def test_three_replicas_that_start_at_once_migrate_once(cluster: Cluster, built: dict[str, list[Document]]) -> None:
    """One of the pods applies the migrations, the others wait for it, and all three applications start."""
    names = ["server-0", "server-1", "server-2"]
    assert cluster.play(built["initcontainer"], "Deployment/server", *names) == [True, True, True]
    assert [cluster.state(name, "server") for name in names] == [("running", 0)] * 3
    assert cluster.applied_twice() == []
    assert len(cluster.rows("SELECT DISTINCT migration FROM schemagate_journal")) == 14
    (host,) = cluster.rows("SELECT host FROM schemagate_starts WHERE applied > 0")
    assert host in names


def test_pods_that_only_look_wait_for_the_job(
    cluster: Cluster, built: dict[str, list[Document]], passwords: dict[str, str]
) -> None:
    """Before the Job: 23, and no application. After it: many at once, with an account that cannot write anything.

    A Job whose migration does not fit ends with 14, which the podFailurePolicy does not try again.
    """
    job = built["job"]
    with cluster.server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE aideveloper CHARACTER SET utf8mb4")
    assert cluster.play(job, "Deployment/server", "early") == [False]
    assert cluster.state("early", "check") == ("exited", 23)
    assert cluster.state("early", "server") == ("never started", 0)

    assert cluster.play(job, "Job/migrate-1-0-0", "job") == [True]
    assert cluster.podman.run("wait", "job-migrate").stdout.strip() == "0"
    before = cluster.rows("SELECT COUNT(*) FROM schemagate_starts")
    names = [f"late-{number}" for number in range(6)]
    assert cluster.play(job, "Deployment/server", *names) == [True] * 6
    assert [cluster.state(name, "server") for name in names] == [("running", 0)] * 6
    assert cluster.rows("SELECT COUNT(*) FROM schemagate_starts") == before

    for statement in (
        "DELETE FROM schemagate_journal",
        "UPDATE workflows SET status = 'done'",
        "CREATE TABLE t (i INT)",
    ):
        with (
            cluster.server.connect(
                database="aideveloper", user="aideveloper_check", password=passwords["database-check"]
            ) as connection,
            connection.cursor() as cursor,
            pytest.raises(pymysql.err.OperationalError) as refused,
        ):
            cursor.execute(statement)
        assert refused.value.args[0] == 1142

    broken = manifests.changed(job, **{BROKEN: "ALTER TABLE nothing ADD COLUMN priority INT;\n"})
    cluster.play(broken, "Job/migrate-1-0-0", "broken")
    assert cluster.podman.run("wait", "broken-migrate").stdout.strip() == "14"


def test_an_older_release_does_not_start_on_a_newer_schema(cluster: Cluster, built: dict[str, list[Document]]) -> None:
    """A pod whose migrations lack the newest ends with 12, with `up` as with `check`."""
    assert cluster.play(built["initcontainer"], "Deployment/server", "newer") == [True]
    newest = max(path.name for path in manifests.ROOT.joinpath("migrations").glob("2*.sql"))
    for overlay, gate in (("initcontainer", "migrate"), ("job", "check")):
        older = manifests.changed(built[overlay], **{newest: None})
        assert cluster.play(older, "Deployment/server", overlay) == [False]
        assert cluster.state(overlay, gate) == ("exited", 12)
        assert cluster.state(overlay, "server") == ("never started", 0)
