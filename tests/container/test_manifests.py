"""The manifests of compose/kubernetes as they stand: valid, as strict as can be, and in step with the product."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from schemagate.errors import SchemagateError
from schemagate.scratch import shadow_name
from tests.container import manifests
from tests.container.manifests import Document, one

OLDEST = "1.26"  # with a podFailurePolicy


@pytest.fixture(scope="module")
def built() -> dict[str, list[Document]]:
    """What kustomize makes of each of the two ways."""
    return manifests.both()


def validate(path: Path, version: str | None = None) -> subprocess.CompletedProcess[str]:
    chosen = [f"--kubernetes-version={version}"] if version else []
    command = [sys.executable, "-m", "kubernetes_validate", "--strict", *chosen, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("version", [OLDEST, None])
def test_all_manifests_are_valid_for_old_and_new_kubernetes(
    built: dict[str, list[Document]], version: str | None, tmp_path: Path
) -> None:
    """No field is mistyped, missing or of a wrong type, in what is applied and in what a person copies."""
    paths = [tmp_path / f"{name}.yaml" for name in built]
    for path, documents in zip(paths, built.values(), strict=True):
        path.write_text(yaml.safe_dump_all(documents))
    for path in [*paths, manifests.FOLDER / "secrets.example.yaml"]:
        done = validate(path, version)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_mistyped_field_is_found(built: dict[str, list[Document]], tmp_path: Path) -> None:
    """The test above can fail."""
    job = one(manifests.changed(built["job"]), "Job")
    job["spec"]["podFailurePolicies"] = job["spec"].pop("podFailurePolicy")
    path = tmp_path / "mistyped.yaml"
    path.write_text(yaml.safe_dump(job))
    done = validate(path)
    assert done.returncode != 0
    assert "podFailurePolicies" in done.stdout + done.stderr


@pytest.mark.parametrize("overlay", manifests.OVERLAYS)
def test_every_container_is_as_strict_as_the_restricted_standard(
    built: dict[str, list[Document]], overlay: str
) -> None:
    """And stricter: a read-only root, a user by number, no token of the cluster, limits, the last word in its place."""
    pods = manifests.pods(built[overlay])
    assert {name: manifests.violations(pod) for name, pod in pods.items()} == {name: [] for name in pods}
    gates = [each for pod in pods.values() for each in manifests.containers(pod) if each["image"] == "schemagate"]
    assert [gate["args"] for gate in gates] == {"initcontainer": [["up"]], "job": [["check"], ["up"]]}[overlay]
    for gate in gates:
        assert gate["securityContext"]["runAsUser"] == 65532
        assert (gate["terminationMessagePath"], gate["terminationMessagePolicy"]) == ("/dev/termination-log", "File")


def test_the_strictness_is_looked_at_field_by_field(built: dict[str, list[Document]]) -> None:
    """The test above can fail: without a field, or with another value, there is a violation."""
    for name in ("runAsUser", "allowPrivilegeEscalation", "readOnlyRootFilesystem", "capabilities"):
        pod = manifests.pods(manifests.changed(built["initcontainer"]))["Deployment/server"]
        del pod["initContainers"][0]["securityContext"][name]
        assert manifests.violations(pod) == [f"migrate: {name}"]
    pod = manifests.pods(manifests.changed(built["initcontainer"]))["Deployment/server"]
    del pod["securityContext"], pod["automountServiceAccountToken"]
    pod["volumes"][0] = {"name": "host", "hostPath": {"path": "/"}}
    assert len(manifests.violations(pod)) == 2 + 2 * 2


@pytest.mark.parametrize("overlay", manifests.OVERLAYS)
def test_each_container_sees_its_own_account_alone(built: dict[str, list[Document]], overlay: str) -> None:
    """The application cannot read the password of the gate that migrates; the pods of the second way do not have it."""
    seen = {
        f"{name}/{container['name']}": {
            volume["secret"]["secretName"]
            for mount in container["volumeMounts"]
            for volume in pod["volumes"]
            if volume["name"] == mount["name"] and "secret" in volume
        }
        for name, pod in manifests.pods(built[overlay]).items()
        for container in manifests.containers(pod)
    }
    assert (
        seen
        == {
            "initcontainer": {
                "Deployment/server/migrate": {"database-migrate"},
                "Deployment/server/server": {"database-server"},
            },
            "job": {
                "Deployment/server/check": {"database-check"},
                "Deployment/server/server": {"database-server"},
                "Job/migrate-1-0-0/migrate": {"database-migrate"},
            },
        }[overlay]
    )


@pytest.mark.parametrize("overlay", manifests.OVERLAYS)
def test_the_configmap_has_the_migrations_as_they_are(built: dict[str, list[Document]], overlay: str) -> None:
    """Every file and the snapshot, byte for byte, under a name that changes with them."""
    found = one(built[overlay], "ConfigMap", "migrations")
    files = sorted(manifests.ROOT.joinpath("migrations").glob("*.sql"))
    assert {name: text.encode() for name, text in found["data"].items()} == {
        path.name: path.read_bytes() for path in files
    }
    assert re.fullmatch(r"migrations-[a-z0-9]{10}", found["metadata"]["name"])


def test_the_job_is_not_tried_again_where_that_cannot_help(built: dict[str, list[Document]]) -> None:
    """The podFailurePolicy has every exit code of 1x and 3x, and none of 2x."""
    rules = one(built["job"], "Job")["spec"]["podFailurePolicy"]["rules"]
    failing = [rule["onExitCodes"]["values"] for rule in rules if rule["action"] == "FailJob"]
    codes = sorted(error.exit_code for error in SchemagateError.__subclasses__())
    assert failing == [[code for code in codes if code // 10 == digit] for digit in (1, 3)]
    ignored = [rule["onPodConditions"] for rule in rules if rule["action"] == "Ignore"]
    assert ignored == [[{"type": "DisruptionTarget", "status": "True"}]]


def test_the_account_that_migrates_may_make_the_shadow_of_its_schema() -> None:
    """Its name is a hash, and a wrong one would go unnoticed; `_` in a grant would stand for any character."""
    text = manifests.FOLDER.joinpath("accounts.sql").read_text()
    grants = re.findall(r"^GRANT (.+?) ON `([^`]+)`\.\* TO '(\w+)'", text, re.MULTILINE)
    assert grants == [
        ("ALL", "aideveloper", "aideveloper_migrate"),
        ("ALL", shadow_name("aideveloper", "auto").replace("_", r"\_"), "aideveloper_migrate"),
        ("SELECT, SHOW VIEW", "aideveloper", "aideveloper_check"),
        ("SELECT, INSERT, UPDATE, DELETE", "aideveloper", "aideveloper_server"),
    ]


def test_a_kustomization_of_your_own_is_made_as_the_docs_say(tmp_path: Path) -> None:
    """Other images, another host, migrations from the image: the two pieces of YAML in docs/kubernetes.md, together."""
    pieces = re.findall(r"```yaml\n(.*?)```", manifests.ROOT.joinpath("docs/kubernetes.md").read_text(), re.DOTALL)
    tmp_path.joinpath("schemagate").symlink_to(manifests.ROOT)
    tmp_path.joinpath("own").mkdir()
    tmp_path.joinpath("own/kustomization.yaml").write_text("".join(pieces))
    documents = manifests.read(manifests.build(tmp_path / "own"))
    pod = manifests.pods(documents)["Deployment/server"]
    images = [container["image"] for container in manifests.containers(pod)]
    assert images == ["registry.example.org/shop-migrations:1.4.2", "registry.example.org/shop:1.4.2"]
    assert [mount["mountPath"] for mount in pod["initContainers"][0]["volumeMounts"]] == ["/run/secrets/database"]
    assert [volume["name"] for volume in pod["volumes"]] == ["migrate-account", "server-account"]
    data = one(documents, "ConfigMap", "database")["data"]
    assert data == {"host": "mysql.shop.internal", "name": "aideveloper"}
    assert manifests.violations(pod) == []
