"""The base images of the tests, made from packages and tagged with their public names: no image registry is needed.

`ensure(engine, "mysql:9.7", …)` is the door. An image that the engine has under that name already is used as it is.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests import debroot
from tests.container import node, tools, wheels
from tests.container.engine import Engine
from tests.packages import choose, prepare

RECIPE = 1  # raise it when what is cached is made in another way
LABEL = "schemagate.test.recipe"
CHECKOUT = Path(__file__).resolve().parents[2]
FILES = Path(__file__).with_name("base")
REVISION, SOURCE = "of-the-tests", "https://git.example.org/schemagate"  # what a release would say
SHELL = ("base-files", "base-passwd", "bash", "coreutils", "dash", "findutils", "grep", "gzip", "libc-bin", "sed")


@dataclass(frozen=True, slots=True)
class Base:
    """A base image: the packages it is made of, what is done to their files, and how it is run."""

    name: str
    suite: str
    packages: tuple[str, ...]
    finish: Callable[[Path], None]
    changes: tuple[str, ...]
    lock: Callable[[], str] = str  # what else the image depends on

    def recipe(self) -> str:
        """Changes with everything that the image is made of."""
        files = [path.read_bytes() for path in sorted(FILES.iterdir())]
        made_of = repr((RECIPE, self.name, self.suite, self.packages, self.changes, self.lock(), files))
        return hashlib.sha256(made_of.encode()).hexdigest()[:12]


def ensure(engine: Engine, *names: str) -> None:
    """Have the images in the engine, under these names. Made in some 10 s each, kept by the engine between runs."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(lambda name: _ensure(engine, name), names))


def _ensure(engine: Engine, name: str) -> None:
    base = next(base for base in BASES if base.name == name)
    recipe = base.recipe()
    label = f'{{{{index .Config.Labels "{LABEL}"}}}}'
    found = engine.docker("image", "inspect", "--format", label, name, check=False)
    if found.returncode == 0 and found.stdout.strip() in ("", "<no value>", recipe):
        return
    if engine.process is None and engine.docker("pull", "--quiet", name, check=False, seconds=600).returncode == 0:
        return
    folder = tools.CACHE / f"{name.replace(':', '-')}-{recipe}"
    debroot.once(folder, lambda partial: _archive(base, partial))
    for old in tools.CACHE.glob(f"{name.replace(':', '-')}-*"):
        if old != folder:
            shutil.rmtree(old, ignore_errors=True)
    changes = [f"--change={line}" for line in (*base.changes, f"LABEL {LABEL}={recipe}")]
    engine.docker("import", *changes, str(folder / "root.tar"), name)


def _archive(base: Base, directory: Path) -> None:
    root = directory / "root"
    debroot.unpack(base.suite, (*SHELL, *base.packages), root)
    for name in ("passwd", "group"):
        shutil.copyfile(root / f"usr/share/base-passwd/{name}.master", root / "etc" / name)
    root.joinpath("etc/nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")
    base.finish(root)
    tar = ["tar", "--create", "--numeric-owner", "--owner=0", "--group=0", f"--file={directory}/root.tar"]
    subprocess.run([*tar, f"--directory={root}", "."], check=True)
    shutil.rmtree(root)


def _account(root: Path, name: str, number: int) -> None:
    for file, line in (("passwd", f"{name}:x:{number}:{number}::/:/bin/sh\n"), ("group", f"{name}:x:{number}:\n")):
        with root.joinpath("etc", file).open("a") as accounts:
            accounts.write(line)


def _program(root: Path, source: str, target: str) -> None:
    path = root / "usr/local/bin" / target
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(FILES / source, path)
    path.chmod(0o755)


def _mysql(root: Path) -> None:
    _account(root, "mysql", 999)
    _program(root, "mysql-entrypoint.sh", "docker-entrypoint.sh")
    for folder in (
        "var/lib/mysql",
        "var/lib/mysql-files",
        "var/run/mysqld",
        "docker-entrypoint-initdb.d",
        "etc/mysql/conf.d",
    ):
        root.joinpath(folder).mkdir(parents=True, exist_ok=True)
    for folder in ("var/lib/mysql", "var/lib/mysql-files", "var/run/mysqld"):
        root.joinpath(folder).chmod(0o1777)
    shutil.copyfile(FILES / "my.cnf", root / "etc/my.cnf")
    (mysql,) = choose(["mysql-9.7"])
    template = prepare([mysql])[mysql.label] / "template"
    copy = ["cp", "--recursive", "--sparse=always", str(template), str(root / "usr/share/mysql-template")]
    subprocess.run(copy, check=True)
    subprocess.run(["chmod", "--recursive", "a+rX", str(root / "usr/share/mysql-template")], check=True)


def _redis(root: Path) -> None:
    _account(root, "redis", 999)
    _program(root, "redis-entrypoint.sh", "docker-entrypoint.sh")
    root.joinpath("data").mkdir(mode=0o1777)


def _certificates(root: Path) -> None:
    """What update-ca-certificates would have written."""
    found = sorted(root.glob("usr/share/ca-certificates/mozilla/*.crt"))
    root.joinpath("etc/ssl/certs/ca-certificates.crt").write_bytes(b"".join(path.read_bytes() for path in found))


def _python(root: Path) -> None:
    """As the official image has it: `python` and pip on the PATH, certificates, a shell; no compiler, no binutils."""
    _certificates(root)
    programs = root / "usr/local/bin"
    programs.mkdir(parents=True, exist_ok=True)
    for name in ("python", "python3"):
        programs.joinpath(name).symlink_to("/usr/bin/python3.15")
    pip = next(root.glob("usr/share/python-wheels/pip-*.whl"))
    shutil.unpack_archive(pip, root / "usr/local/lib/python3.15/dist-packages", "zip")
    pip.unlink()
    wheels.download(root / "wheels")


BASES = (
    Base(
        "mysql:9.7",
        "sid",
        ("mysql-server-core", "mysql-client-core", "util-linux"),
        _mysql,
        (
            'ENTRYPOINT ["docker-entrypoint.sh"]',
            'CMD ["mysqld"]',
            "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "VOLUME /var/lib/mysql",
            "EXPOSE 3306 33060",
        ),
    ),
    Base(
        "redis:7",
        "bookworm",
        ("redis-server", "redis-tools", "util-linux"),
        _redis,
        (
            'ENTRYPOINT ["docker-entrypoint.sh"]',
            'CMD ["redis-server"]',
            "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "VOLUME /data",
            "WORKDIR /data",
            "EXPOSE 6379",
        ),
    ),
    Base(
        "node:22-slim",
        "bookworm",
        ("ca-certificates", "libstdc++6"),
        node.install,
        ('CMD ["node"]', "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        node.lock,
    ),
    Base(
        "python:3.15-slim",
        "sid",
        ("python3.15", "python3-pip-whl", "ca-certificates"),
        _python,
        (
            'CMD ["python3"]',
            "ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
            "ENV LANG=C.UTF-8",
            "ENV PIP_NO_INDEX=1",  # what the Dockerfile asks pip for is in the image: a build needs no network
            "ENV PIP_FIND_LINKS=/wheels",
        ),
        wheels.lock,
    ),
)


def build_gate(engine: Engine, tag: str = "schemagate", *, buildkit: bool = True) -> str:
    """Build the product's image from the checkout as it is; answers its name."""
    ensure(engine, "python:3.15-slim")
    told = [f"--build-arg=REVISION={REVISION}", f"--build-arg=SOURCE={SOURCE}"]
    arguments = [*told, "--tag", tag, str(CHECKOUT)]
    builder = ["buildx", "build", "--load"] if buildkit else ["build"]
    engine.docker(*builder, *arguments, DOCKER_BUILDKIT="1" if buildkit else "0")
    return tag
