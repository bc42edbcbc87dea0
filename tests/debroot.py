"""Programs of any Debian suite, unpacked into a directory and run there: no root, no container, the host unchanged.

`unpack` lets the host's own apt resolve, fetch and verify packages with a private state; `program` gives the words that
run one of them with the loader and the libraries of its own suite, whatever C library the host has.
"""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

# What packages depend on for a whole system, and a program that is started by path does not need.
UNNEEDED = (
    "adduser",
    "bsdextrautils",
    "debconf*",
    "gcc-*",
    "iproute2*",
    "libc-gconv*",
    "libdb5.3*",
    "libgdbm*",
    "libperl*",
    "libsystemd-shared*",
    "perl*",
    "psmisc",
    "systemd*",
)
NO_FILES = ("doc", "man", "locale", "lintian", "bug", "info")


class UnpackFailed(Exception):
    """apt or dpkg would not; the message ends with what they said."""


def unpack(suite: str, packages: Sequence[str], directory: Path, keep: Iterable[str] = ()) -> None:
    """Put the packages and what they depend on into `directory`, less UNNEEDED ones that no pattern in `keep` names."""
    directory.mkdir(parents=True, exist_ok=True)
    state = directory.with_name(directory.name + ".apt")
    try:
        environment = _private_apt(state, suite)
        archives = state / "archives"
        for name, version in _resolve(environment, packages):
            if any(fnmatch.fnmatch(name, p) for p in UNNEEDED) and not any(fnmatch.fnmatch(name, p) for p in keep):
                continue
            archives.joinpath("wanted").open("a").write(f"{name}={version}\n")
        wanted = archives.joinpath("wanted").read_text().split()
        _output(["apt-get", "download", "-qq", *wanted], environment, cwd=archives)
        _extract(sorted(archives.glob("*.deb")), directory)
    finally:
        shutil.rmtree(state, ignore_errors=True)


def program(root: Path, path: str) -> list[str]:
    """The argument vector that runs `path` of an unpacked root; the program's own arguments follow it."""
    loaders = [*root.glob("usr/lib64/ld-linux-*.so.*"), *root.glob("usr/lib/ld-linux-*.so.*")]
    libraries = next(root.glob("usr/lib/*-linux-gnu"))
    target = str(root / path)
    return [str(loaders[0]), "--inhibit-cache", "--argv0", target, "--library-path", str(libraries), target]


def _private_apt(state: Path, suite: str) -> dict[str, str]:
    """An apt of its own in `state`, with the indexes of the suite; answers the environment that makes apt use it.

    Of the host's configuration it takes how to fetch (proxies, certificates, credentials), and nothing that runs hooks.
    """
    for folder in ("etc/apt.conf.d", "etc/preferences.d", "lists/partial", "cache/archives/partial", "archives"):
        state.joinpath(folder).mkdir(parents=True, exist_ok=True)
    state.joinpath("status").touch()
    host = dict(line.split(" ", 1) for line in _output(["apt-config", "dump"]).splitlines() if " " in line)
    fetching = [f"{key} {value}" for key, value in host.items() if key.startswith("Acquire::") and value != '"";']
    etc = _output(["apt-config", "shell", "ETC", "Dir::Etc/d"]).partition("=")[2].strip().strip("'") or "/etc/apt"
    architecture = _output(["dpkg", "--print-architecture"]).strip()
    settings = {
        "Dir::Etc": state / "etc",
        "Dir::Etc::main": state / "etc/apt.conf",
        "Dir::Etc::parts": state / "etc/apt.conf.d",
        "Dir::Etc::sourcelist": state / "etc/sources.list",
        "Dir::Etc::netrc": f"{etc.rstrip('/')}/auth.conf",
        "Dir::Etc::netrcparts": f"{etc.rstrip('/')}/auth.conf.d",
        "Dir::Etc::trustedparts": f"{etc.rstrip('/')}/trusted.gpg.d",
        "Dir::State": state,
        "Dir::State::status": state / "status",
        "Dir::Cache": state / "cache",
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "root",  # the download directory belongs to whoever runs this
        "Acquire::Languages": "none",
        "Acquire::PDiffs": "false",
        "Acquire::Retries": "3",
    }
    config = state / "apt.conf"
    config.write_text("\n".join([*fetching, *(f'{key} "{value}";' for key, value in settings.items())]) + "\n")
    environment = {"APT_CONFIG": str(config), "LC_ALL": "C.UTF-8"}
    signed = f"[arch={architecture} signed-by={KEYRING}]" if KEYRING.exists() else f"[arch={architecture}]"
    failures = []
    for mirror in _mirrors(environment):
        state.joinpath("etc/sources.list").write_text(f"deb {signed} {mirror} {suite} main\n")
        for pause in (0, 5):  # a mirror in the middle of its own update answers with indexes that do not fit together
            time.sleep(pause)
            try:
                _output(["apt-get", "update", "-qq", "--error-on=any"], environment)
            except UnpackFailed as failure:
                failures.append(str(failure))
            else:
                return environment
    raise UnpackFailed("\n".join(failures) or "the apt of this machine has no source that apt-get update would fetch")


def _mirrors(environment: dict[str, str]) -> list[str]:
    """The archives that the host's sources name, the likeliest to be Debian's main one first.

    apt reads its sources itself, in whatever format they are, and says what it would fetch; no earlier update needed.
    """
    sources = dict(option.split("=") for option in ("sourcelist=sources.list", "sourceparts=sources.list.d"))
    etc = _output(["apt-config", "shell", "ETC", "Dir::Etc/d"]).partition("=")[2].strip().strip("'") or "/etc/apt"
    options = [f"-oDir::Etc::{key}={etc.rstrip('/')}/{name}" for key, name in sources.items()]
    listed = _output(["apt-get", "update", "--print-uris", *options], environment)
    found = re.findall(r"^'(.+)/dists/([^/']+)/(?:updates/)?InRelease'", listed, re.MULTILINE)
    mirrors = dict.fromkeys(site for site, suite in found if "security" not in site + suite)
    return sorted(mirrors, key=lambda site: not site.rstrip("/").endswith("/debian"))


def _resolve(environment: dict[str, str], packages: Sequence[str]) -> list[tuple[str, str]]:
    """(name, version) of the packages and all they depend on."""
    plan = _output(["apt-get", "install", "--simulate", "-qq", *packages], environment)
    return re.findall(r"^Inst (\S+) \((\S+) ", plan, re.MULTILINE)


def _extract(archives: Sequence[Path], root: Path) -> None:
    for name in (
        "bin",
        "sbin",
        "lib",
        "lib64",
    ):  # as on an installed system; older packages still ship files below /lib
        root.joinpath("usr", name).mkdir(parents=True, exist_ok=True)
        root.joinpath(name).symlink_to(f"usr/{name}")
    unwanted = [f"--exclude=./usr/share/{name}/*" for name in NO_FILES]
    for archive in archives:
        tar = ["tar", "--extract", "--keep-directory-symlink", "--no-same-owner", *unwanted, "--directory", str(root)]
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(archive)], stdout=subprocess.PIPE) as packed:
            done = subprocess.run(tar, stdin=packed.stdout, stderr=subprocess.PIPE, text=True, check=False)
        if packed.returncode or done.returncode:
            raise UnpackFailed(f"{archive.name} could not be unpacked: {done.stderr.strip()}")


def _output(command: Sequence[str], environment: dict[str, str] | None = None, cwd: Path | None = None) -> str:
    run = subprocess.run(
        command,
        env={**os.environ, **(environment or {})},
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        raise UnpackFailed(f"{' '.join(command[:3])} … ended with {run.returncode}: {run.stderr.strip()[-2000:]}")
    return run.stdout
