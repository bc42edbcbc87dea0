"""Kubernetes 1.20, built from Debian's source with Debian's Go: no image registry, no module proxy, no C compiler.

It is the last release that Debian has whole. It takes some 5 minutes on two cores, and is then kept in the cache.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests import debroot
from tests.container import tools

RECIPE = 1  # raise it when what is cached is made in another way
SUITE = "bookworm"
PROGRAMS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet")
MODULE = "k8s.io/kubernetes"
# Where the kubelet asks for scores below 0, which takes a capability that a machine may not give even to root.
SCORES = ("pkg/kubelet/dockershim/docker_sandbox.go", "pkg/kubelet/qos/policy.go")


def programs() -> Path:
    """The directory with the programs of Kubernetes, and etcd."""
    return debroot.once(tools.CACHE / f"kubernetes-1.20-{RECIPE}", _build) / "bin"


def _build(directory: Path) -> None:
    work, binaries = directory / "work", directory / "bin"
    work.mkdir()
    binaries.mkdir()
    debroot.unpack_alone(SUITE, ["etcd-server"], work / "etcd")
    shutil.copy(work / "etcd/usr/bin/etcd", binaries / "etcd")
    go = _go(work)
    tree = _source(work)
    _generate(go, tree, work)
    for name in SCORES:
        _no_negative_scores(tree / name)
    version = f"-X {MODULE}/vendor/k8s.io/component-base/version.gitVersion=v1.20.2"
    _run(
        [
            *go,
            "build",
            "-trimpath",
            f"-ldflags=-s -w {version}",
            "-o",
            f"{binaries}/",
            *(f"./cmd/{p}" for p in PROGRAMS),
        ],
        tree,
        _variables(work),
    )
    _run([*go, "clean", "-cache"], tree, _variables(work))
    shutil.rmtree(work)


def _go(work: Path) -> list[str]:
    """The go command, with its own library beside it."""
    debroot.unpack(SUITE, ["golang-1.19-go"], work / "go")
    return debroot.program(work / "go", "usr/lib/go-1.19/bin/go")


def _source(work: Path) -> Path:
    """The source tree, where Go without modules looks for it."""
    debroot.source(SUITE, "kubernetes", work)
    (archive,) = work.glob("kubernetes_*.orig.tar.*")
    tree = work / "path/src" / MODULE
    tree.mkdir(parents=True)
    _run(["tar", "--extract", "--file", str(archive), "--strip-components=1", "--no-same-owner"], tree, {})
    return tree


def _generate(go: Sequence[str], tree: Path, work: Path) -> None:
    """The one generated file that is not in the source: what the API server tells of its types."""
    generator = work / "openapi-gen"
    _run([*go, "build", "-o", str(generator), "./vendor/k8s.io/kube-openapi/cmd/openapi-gen"], tree, _variables(work))
    marked = subprocess.run(
        [
            "grep",
            "--recursive",
            "--files-with-matches",
            "--include=*.go",
            "+k8s:openapi-gen=",
            "pkg",
            "staging/src/k8s.io",
        ],
        cwd=tree,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    folders = {os.path.dirname(path) for path in marked if not re.search(r"code-generator|sample-apiserver", path)}
    inputs = sorted(f"{MODULE}/{re.sub('^staging/src/', 'vendor/', folder)}" for folder in folders)
    _run(
        [
            str(generator),
            "--go-header-file=vendor/k8s.io/code-generator/hack/boilerplate.go.txt",
            "--output-file-base=zz_generated.openapi",
            f"--output-package={MODULE}/pkg/generated/openapi",
            f"--output-base={work}/path/src",
            f"--report-filename={work}/report",
            f"--input-dirs={','.join(inputs)}",
        ],
        tree,
        _variables(work),
    )


def _no_negative_scores(path: Path) -> None:
    changed, count = re.subn(r"(?m)^(\s+\w*OOM\w*Adj\s+int = )-\d+$", r"\g<1>0", path.read_text())
    assert count, f"{path} is not what it was"
    path.write_text(changed)


def _variables(work: Path) -> dict[str, str]:
    root = work / "go/usr/lib/go-1.19"
    return {
        "GOROOT": str(root),
        "GOPATH": str(work / "path"),
        "GOCACHE": str(work / "cache"),
        "GO111MODULE": "off",
        "CGO_ENABLED": "0",
        "GOFLAGS": "",
        "HOME": str(work),
        "PATH": f"{root}/bin:{os.environ['PATH']}",
    }


def _run(command: Sequence[str], cwd: Path, variables: Mapping[str, str]) -> None:
    done = subprocess.run(
        ["nice", *command],
        cwd=cwd,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise debroot.UnpackFailed(f"{command[0]} … ended with {done.returncode}: {done.stderr[-3000:]}")
