"""The manifests of compose/kubernetes: built by the real kustomize, and asked."""

from __future__ import annotations

import copy
import hashlib
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests import debroot
from tests.container import tools

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "compose/kubernetes"
OVERLAYS = ("initcontainer", "job")
RECIPE = 1  # raise it when what is cached is made in another way

Document = dict[str, Any]


def kubectl() -> list[str]:
    """The words that run kubectl, which has kustomize in it."""
    root = debroot.once(
        tools.CACHE / f"kubectl-{RECIPE}", lambda partial: debroot.unpack("trixie", ["kubectl"], partial / "root")
    )
    return debroot.program(root / "root", "usr/bin/kubectl")


def build(folder: Path) -> str:
    """What `kubectl kustomize` makes of a folder: the YAML that `kubectl apply --kustomize` would send."""
    done = subprocess.run([*kubectl(), "kustomize", str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def both() -> dict[str, list[Document]]:
    """The documents of each of the two ways."""
    return {name: read(build(FOLDER / name)) for name in OVERLAYS}


def read(text: str) -> list[Document]:
    """The documents of a YAML text."""
    return [document for document in yaml.safe_load_all(text) if document]


def one(documents: Iterable[Document], kind: str, name: str = "") -> Document:
    """The only document of that kind whose name begins so."""
    (found,) = (each for each in documents if each["kind"] == kind and each["metadata"]["name"].startswith(name))
    return found


def pods(documents: Iterable[Document]) -> dict[str, Document]:
    """The pod specs of all workloads, each under `kind/name`."""
    return {
        f"{each['kind']}/{each['metadata']['name']}": each["spec"]["template"]["spec"]
        for each in documents
        if "template" in each.get("spec", {})
    }


def containers(pod: Mapping[str, Any]) -> Iterator[Document]:
    """All containers of a pod spec, the initContainers first."""
    yield from pod.get("initContainers", [])
    yield from pod["containers"]


def violations(pod: Mapping[str, Any]) -> list[str]:
    """What of a pod spec the restricted Pod Security Standard forbids, and what we forbid beyond it."""
    whole = pod.get("securityContext", {})
    found = [name for name in ("hostNetwork", "hostPID", "hostIPC", "hostUsers") if name in pod]
    if pod.get("automountServiceAccountToken") is not False:
        found.append("it gets a token of the cluster")
    found += [f"volume {each['name']}" for each in pod.get("volumes", []) if not {"configMap", "secret"} & each.keys()]
    for container in containers(pod):
        own = container.get("securityContext", {})
        rules = {
            "runAsNonRoot": {**whole, **own}.get("runAsNonRoot") is True,
            "runAsUser": {**whole, **own}.get("runAsUser", 0) > 0,  # a name could not be told from root's
            "seccompProfile": {**whole, **own}.get("seccompProfile") == {"type": "RuntimeDefault"},
            "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is False,
            "readOnlyRootFilesystem": own.get("readOnlyRootFilesystem") is True,
            "capabilities": own.get("capabilities") == {"drop": ["ALL"]},
            "nothing that is forbidden": not {"privileged", "procMount", "seLinuxOptions"} & own.keys(),
            "limits": "memory" in container.get("resources", {}).get("limits", {}),
            "requests": {"cpu", "memory"} <= container.get("resources", {}).get("requests", {}).keys(),
        }
        found += [f"{container['name']}: {rule}" for rule, holds in rules.items() if not holds]
    return found


def secrets(passwords: Mapping[str, str]) -> list[Document]:
    """secrets.example.yaml, with these passwords by the names of the Secrets."""
    documents = read(FOLDER.joinpath("secrets.example.yaml").read_text())
    for document in documents:
        document["stringData"]["password"] = passwords[document["metadata"]["name"]]
    return documents


def accounts(passwords: Mapping[str, str]) -> str:
    """accounts.sql, with these passwords by the names of the Secrets."""
    text = FOLDER.joinpath("accounts.sql").read_text()
    for document in read(FOLDER.joinpath("secrets.example.yaml").read_text()):
        example, name = document["stringData"]["password"], document["metadata"]["name"]
        assert text.count(example) == 1
        text = text.replace(example, passwords[name])
    return text


def changed(documents: Iterable[Document], **files: str | None) -> list[Document]:
    """The documents, with other migrations: a text for `name.sql`, None for a file that is not there.

    As with kustomize, other files are a ConfigMap of another name.
    """
    documents = list(documents)
    found = one(documents, "ConfigMap", "migrations")
    if not files:
        return copy.deepcopy(documents)
    data = {name: text for name, text in {**found["data"], **files}.items() if text is not None}
    name = f"migrations-{hashlib.sha256(repr(data).encode()).hexdigest()[:10]}"
    copies = read(yaml.safe_dump_all(documents).replace(found["metadata"]["name"], name))
    one(copies, "ConfigMap", "migrations")["data"] = data
    return copies
