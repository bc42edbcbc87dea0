"""Programs of any Debian suite, unpacked into a directory and run there: no root, no container, the host unchanged.

`unpack` lets the host's own apt resolve, fetch and verify packages with a private state; `program` gives the words that
run one of them with the loader and the libraries of its own suite, whatever C library the host has.
"""

from __future__ import annotations

import fcntl
import fnmatch
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
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


def once(directory: Path, build: Callable[[Path], None]) -> Path:
    """The directory, filled by `build` if it is not there yet.

    It appears under its name only when it is whole, whatever interrupts the build; concurrent callers wait.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    with directory.with_name(f".{directory.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not directory.is_dir() or not any(directory.iterdir()):
            partial = directory.with_name(f".{directory.name}.part")
            shutil.rmtree(partial, ignore_errors=True)  # of a build that was interrupted: we hold its lock
            partial.mkdir()
            try:
                build(partial)
                partial.rename(directory)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    return directory


def unpack(suite: str, packages: Sequence[str], root: Path) -> None:
    """Put the packages and what they depend on, less UNNEEDED, into the new directory `root`."""
    root.mkdir()
    with tempfile.TemporaryDirectory(prefix="apt-", dir=root.parent) as state:
        environment = _private_apt(Path(state), suite)
        wanted = [
            f"{name}={version}"
            for name, version in _resolve(environment, packages)
            if not any(fnmatch.fnmatch(name, pattern) for pattern in UNNEEDED)
        ]
        archives = Path(state, "archives")
        _output(["apt-get", "download", "-qq", *wanted], environment, cwd=archives)
        _extract(sorted(archives.glob("*.deb")), root)


def unpack_alone(suite: str, packages: Sequence[str], root: Path) -> None:
    """Put the packages into the new directory `root`, without what they depend on: for the files in them."""
    root.mkdir()
    with tempfile.TemporaryDirectory(prefix="apt-", dir=root.parent) as state:
        environment = _private_apt(Path(state), suite)
        archives = Path(state, "archives")
        _output(["apt-get", "download", "-qq", *packages], environment, cwd=archives)
        _extract(sorted(archives.glob("*.deb")), root)


def source(suite: str, package: str, directory: Path) -> None:
    """Put the files of a source package, verified and not unpacked, into the directory."""
    with tempfile.TemporaryDirectory(prefix="apt-", dir=directory.parent) as state:
        environment = _private_apt(Path(state), suite)
        sources = Path(state, "etc/sources.list")
        sources.write_text(sources.read_text().replace("deb ", "deb-src ", 1))
        _output(["apt-get", "update", "-qq", "--error-on=any"], environment)
        _output(["apt-get", "source", "-qq", "--download-only", package], environment, cwd=directory)


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
        state.joinpath(folder).mkdir(parents=True)
    state.joinpath("status").touch()
    host = _output(["apt-config", "dump"]).splitlines()
    architecture = _output(["dpkg", "--print-architecture"]).strip()
    settings = {
        "Dir::Etc": state / "etc",
        "Dir::Etc::main": state / "etc/apt.conf",
        "Dir::Etc::parts": state / "etc/apt.conf.d",
        "Dir::Etc::sourcelist": state / "etc/sources.list",
        "Dir::Etc::netrc": _host_path("Dir::Etc::netrc/f"),
        "Dir::Etc::netrcparts": _host_path("Dir::Etc::netrcparts/d"),
        "Dir::Etc::trustedparts": _host_path("Dir::Etc::trustedparts/d"),
        "Dir::State": state,
        "Dir::State::status": state / "status",
        "Dir::Cache": state / "cache",
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "root",  # the directory belongs to whoever runs this, not to apt's own account
        "Acquire::Languages": "none",
        "Acquire::PDiffs": "false",
        "Acquire::Retries": "3",
    }
    fetching = [line for line in host if line.startswith("Acquire::") and not line.endswith(' "";')]
    config = state / "apt.conf"
    config.write_text("\n".join([*fetching, *(f'{key} "{value}";' for key, value in settings.items())]) + "\n")
    environment = {"APT_CONFIG": str(config)}
    trust = f"[arch={architecture} signed-by={KEYRING}]" if KEYRING.exists() else f"[arch={architecture}]"
    failures = []
    for mirror in _mirrors(environment):
        state.joinpath("etc/sources.list").write_text(f"deb {trust} {mirror} {suite} main\n")
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
    sources = [
        f"-o{key}={_host_path(key + what)}"
        for key, what in (("Dir::Etc::sourcelist", "/f"), ("Dir::Etc::sourceparts", "/d"))
    ]
    listed = _output(["apt-get", "update", "--print-uris", *sources], environment)
    found = re.findall(r"^'(.+)/dists/(.+)/InRelease'", listed, re.MULTILINE)
    mirrors = dict.fromkeys(site for site, suite in found if "security" not in site + suite)
    return sorted(mirrors, key=lambda site: not site.rstrip("/").endswith("/debian"))


def _host_path(key: str) -> str:
    """A file (key/f) or directory (key/d) of the host's apt configuration."""
    return shlex.split(_output(["apt-config", "shell", "PATH", key]))[0].removeprefix("PATH=")


def _resolve(environment: dict[str, str], packages: Sequence[str]) -> list[tuple[str, str]]:
    """(name, version) of the packages and all they depend on."""
    plan = _output(["apt-get", "install", "--simulate", "-qq", *packages], environment)
    return re.findall(r"^Inst (\S+) \((\S+) ", plan, re.MULTILINE)


def _extract(archives: Sequence[Path], root: Path) -> None:
    """Unpack the archives, without the files that only people read."""
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
        env={**os.environ, "LC_ALL": "C.UTF-8", **(environment or {})},
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        raise UnpackFailed(f"{' '.join(command[:3])} … ended with {run.returncode}: {run.stderr.strip()[-2000:]}")
    return run.stdout
