"""The manifests of compose/kubernetes under a real kubelet, API server, scheduler and controllers (`make
test-kubernetes`). The name keeps it out of `make test`: building Kubernetes once takes minutes.
"""

from __future__ import annotations

import itertools
import json
from datetime import datetime
from typing import Any

import pytest

from tests.container import manifests
from tests.container.manifests import Document
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.conftest import Apply, Database

BROKEN = "20260101_broken.sql"


@pytest.fixture(scope="module")
def built() -> dict[str, list[Document]]:
    """What kustomize makes of each of the two ways."""
    return manifests.both()


@pytest.fixture
def show(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> Any:
    """Prints what a command of kubectl says, for people: `show("get", "pods")`."""

    def run(*words: str, only: tuple[str, ...] = ()) -> None:
        text = cluster.kubectl(*words, "--namespace=aideveloper").stdout
        lines = [line for line in text.splitlines() if not only or any(word in line for word in only)]
        with capsys.disabled():
            print("\n$ kubectl " + " ".join(words), *lines, sep="\n")

    return run


def status(cluster: Cluster, label: str = "app=server") -> list[str]:
    """The column STATUS of `kubectl get pods`."""
    words = ("get", "pods", "--namespace=aideveloper", f"--selector={label}", "--no-headers")
    return [line.split()[2] for line in cluster.kubectl(*words).stdout.splitlines()]


def gate(pod: Document) -> Any:
    """The status of a pod's initContainer."""
    return pod["status"].get("initContainerStatuses", [{}])[0]


def ended(pod: Document) -> Any:
    """How the gate of a pod ended last, or nothing."""
    found = gate(pod)
    return found.get("state", {}).get("terminated") or found.get("lastState", {}).get("terminated") or {}


def has_started(pod: Document) -> bool:
    """Has the application of this pod ever run?"""
    application = pod["status"]["containerStatuses"][0]
    never = "containerID" not in application and set(application["state"]) == {"waiting"}
    return not (never and application["restartCount"] == 0)


def ready(cluster: Cluster, count: int) -> bool:
    """Do so many pods of the application take requests, and are there no others?"""
    pods = cluster.pods("app=server")
    return len(pods) == count and all(
        each["ready"] for pod in pods for each in pod["status"].get("containerStatuses", [{"ready": False}])
    )


def applied_twice(database: Database) -> list[list[str]]:
    return database.rows("SELECT migration, ordinal FROM schemagate_journal GROUP BY 1, 2 HAVING COUNT(*) > 1")


def test_a_failing_gate_is_tried_again_at_longer_intervals_and_the_application_never_starts(
    cluster: Cluster, apply: Apply, built: dict[str, list[Document]], show: Any
) -> None:
    """Init:Error, Init:CrashLoopBackOff, the start's last word in the pod's status. Mended, the application runs."""
    apply(
        manifests.changed(built["initcontainer"], **{BROKEN: "ALTER TABEL workflows ADD COLUMN i INT;\n"}), replicas=1
    )
    seen: set[str] = set()
    starts: dict[str, datetime] = {}

    def four_starts() -> bool:
        seen.update(status(cluster))
        for pod in cluster.pods("app=server"):
            if end := ended(pod):
                starts[end["containerID"]] = datetime.fromisoformat(end["startedAt"])
            assert not has_started(pod)
        return len(starts) >= 4

    cluster.until(four_starts)
    assert {"Init:Error", "Init:CrashLoopBackOff"} <= seen
    times = sorted(starts.values())
    gaps = [(later - earlier).total_seconds() for earlier, later in itertools.pairwise(times)]
    assert gaps[1] > gaps[0] + 5
    assert gaps[2] > gaps[1] + 5

    (pod,) = cluster.pods("app=server")
    assert ended(pod)["exitCode"] == 14
    assert BROKEN in ended(pod)["message"]
    assert "1064" in ended(pod)["message"]
    show("get", "pods")
    show("get", "pods", "--output=jsonpath={.items[0].status.initContainerStatuses[0].lastState.terminated.message}")

    apply(built["initcontainer"], replicas=1)
    cluster.until(lambda: ready(cluster, 1))
    assert has_started(cluster.pods("app=server")[0])


def test_a_gate_that_would_run_as_root_is_not_started(
    cluster: Cluster, apply: Apply, built: dict[str, list[Document]], database: Database, show: Any
) -> None:
    """runAsNonRoot is enforced by the kubelet: a user of 0 is an error before anything runs."""

    def as_root(pod: Any) -> None:
        pod["initContainers"][0]["securityContext"]["runAsUser"] = 0

    apply(built["initcontainer"], replicas=1, change=as_root)
    cluster.until(lambda: status(cluster) == ["Init:CreateContainerConfigError"])
    (pod,) = cluster.pods("app=server")
    assert "non-root" in gate(pod)["state"]["waiting"]["message"]
    assert not has_started(pod)
    assert database.rows("SHOW TABLES") == []
    show("get", "pods")


def test_three_replicas_that_start_at_once_migrate_once(
    cluster: Cluster, apply: Apply, built: dict[str, list[Document]], database: Database, show: Any
) -> None:
    """One pod applies, all serve. An older release does not start on the newer schema, and the newer pods serve on."""
    apply(built["initcontainer"])
    cluster.until(lambda: ready(cluster, 3))
    show("get", "pods")
    names = {pod["metadata"]["name"] for pod in cluster.pods("app=server")}
    ((host,),) = database.rows("SELECT host FROM schemagate_starts WHERE applied > 0")
    assert host in names
    assert applied_twice(database) == []

    newest = max(path.name for path in manifests.ROOT.joinpath("migrations").glob("2*.sql"))
    apply(manifests.changed(built["initcontainer"], **{newest: None}))
    cluster.until(lambda: any(ended(pod).get("exitCode") == 12 for pod in cluster.pods("app=server")))
    show("get", "pods")
    serving = {pod["metadata"]["name"] for pod in cluster.pods("app=server") if has_started(pod)}
    assert serving == names


def test_many_pods_with_an_account_that_can_only_read_wait_for_the_job(
    cluster: Cluster,
    apply: Apply,
    built: dict[str, list[Document]],
    database: Database,
    passwords: dict[str, str],
    show: Any,
) -> None:
    """23 and no application before the Job; after it all six come up by themselves, and none of them wrote anything."""
    apply(built["job"], without=("Job",))
    cluster.until(lambda: [ended(pod).get("exitCode") for pod in cluster.pods("app=server")] == [23] * 6)
    assert not any(has_started(pod) for pod in cluster.pods("app=server"))
    show("get", "pods")

    apply(built["job"])
    cluster.until(lambda: status(cluster, "app=migrate") == ["Completed"])
    cluster.until(lambda: ready(cluster, 6))
    show("get", "pods,jobs")
    assert database.rows("SELECT command, account FROM schemagate_starts") == [["up", "aideveloper_migrate@%"]]
    for statement in ("DELETE FROM schemagate_journal", "CREATE TABLE t (i INT)"):
        refused = database.ask(
            f"USE aideveloper; {statement}", user="aideveloper_check", password=passwords["database-check"]
        )
        assert "ERROR 1142" in refused.stderr


def test_an_evicted_gate_waits_for_its_statement_and_the_next_pod_goes_on(
    cluster: Cluster, apply: Apply, built: dict[str, list[Document]], database: Database, show: Any
) -> None:
    """SIGTERM in the middle of a statement: its outcome is noted, 143, and the pod that replaces it does the rest."""
    slow = {"20260102_slow.sql": "DO SLEEP(12);\nCREATE TABLE after_the_eviction (i INT);\n", "schema.sql": None}
    apply(manifests.changed(built["initcontainer"], **slow), replicas=1)
    cluster.until(lambda: "DO SLEEP" in database.ask("SELECT info FROM information_schema.processlist").stdout)
    (pod,) = cluster.pods("app=server")
    name = pod["metadata"]["name"]
    eviction = {
        "apiVersion": "policy/v1beta1",
        "kind": "Eviction",
        "metadata": {"name": name, "namespace": "aideveloper"},
    }
    address = f"/api/v1/namespaces/aideveloper/pods/{name}/eviction"
    cluster.kubectl("create", f"--raw={address}", "--filename=-", stdin=json.dumps(eviction))
    cluster.until(lambda: ready(cluster, 1))
    show("get", "pods")
    assert applied_twice(database) == []
    starts = database.rows("SELECT host, exit_code FROM schemagate_starts ORDER BY id")
    assert [code for host, code in starts if host == name] == ["143"]
    assert [code for host, code in starts if host != name] == ["0"]
    (slept,) = database.rows(
        "SELECT elapsed_ms FROM schemagate_journal WHERE migration = '20260102_slow' AND ordinal = 1"
    )
    assert float(slept[0]) >= 12_000
