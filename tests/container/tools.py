"""The programs of a container engine, as Debian has them, unpacked into the cache: nothing is installed."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests import debroot

CACHE = Path(os.environ.get("SCHEMAGATE_CACHE") or Path(__file__).resolve().parents[2] / ".cache") / "containers"
RECIPE = 1  # raise it when what is cached is made in another way
ENGINE = ("docker.io", "containerd", "runc", "iptables")
CLIENT = ("docker-cli", "docker-compose", "docker-buildx")
PLUGINS = "usr/libexec/docker/cli-plugins"


@dataclass(frozen=True, slots=True)
class Client:
    """The docker command with Compose 2 and buildx: the directory that PATH has to begin with, and that of the plugins.

    Both are None where the machine has all three itself.
    """

    programs: Path | None
    plugins: Path | None


def own_client() -> Client:
    """The docker command of Debian's newest suite; it speaks to old and new engines."""
    root = debroot.once(
        CACHE / f"client-{RECIPE}", lambda partial: debroot.unpack_alone("sid", CLIENT, partial / "root")
    )
    return Client(root / "root/usr/bin", root / "root" / PLUGINS)


def client() -> Client:
    """The docker command of this machine if it is complete, else the one unpacked."""
    words: Sequence[Sequence[str]] = (["docker", "compose", "version"], ["docker", "buildx", "version"])
    if shutil.which("docker") and all(
        subprocess.run(argv, capture_output=True, check=False).returncode == 0 for argv in words
    ):
        return Client(None, None)
    return own_client()


def engine_root() -> Path:
    """The engine of the machine's own suite: it runs with the machine's C library, as it has to start itself anew."""
    suite = platform.freedesktop_os_release().get("VERSION_CODENAME")
    if not suite:
        raise debroot.UnpackFailed("this machine does not say which Debian it is")
    directory = CACHE / f"engine-{suite}-{RECIPE}"
    return debroot.once(directory, lambda partial: debroot.unpack(suite, ENGINE, partial / "root")) / "root"


def engine_environment(root: Path, directory: Path) -> dict[str, str]:
    """What makes the unpacked engine find its own programs, and those libraries that the machine does not have."""
    programs, libraries = directory / "bin", directory / "lib"
    programs.mkdir()
    libraries.mkdir()
    for name in ("iptables", "ip6tables"):
        programs.joinpath(name).symlink_to(root / "usr/sbin/xtables-nft-multi")
    for found in root.glob("usr/lib/*-linux-gnu/*.so.*"):
        if not Path("/", found.relative_to(root)).exists():
            libraries.joinpath(found.name).symlink_to(found)
    extensions = next(root.glob("usr/lib/*-linux-gnu/xtables"))
    path = os.pathsep.join(
        [str(programs), f"{root}/usr/bin", f"{root}/usr/sbin", os.environ["PATH"], "/usr/sbin", "/sbin"]
    )
    return {"PATH": path, "LD_LIBRARY_PATH": str(libraries), "XTABLES_LIBDIR": str(extensions)}
