"""The servers that Debian has, unpacked and cached: their programs, and a data directory as a fresh server has it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests import debroot

CACHE = Path(os.environ.get("SCHEMAGATE_CACHE") or Path(__file__).resolve().parents[1] / ".cache") / "servers"
RECIPE = 3  # raise it when what is cached is made in another way: then everybody's cache is made anew


@dataclass(frozen=True, slots=True)
class Spec:
    """A server that Debian has: which suite it comes from, and in which packages."""

    label: str
    flavour: str
    suite: str
    packages: tuple[str, ...]


MARIADB = ("mariadb-server-core", "mariadb-client-core")
SPECS = (
    Spec("mysql-9.7", "mysql", "sid", ("mysql-server-core", "mysql-client-core")),
    Spec("mariadb-10.11", "mariadb", "bookworm", MARIADB),
    Spec("mariadb-11.8", "mariadb", "trixie", MARIADB),
)


class ServerFailed(Exception):
    """A server did not come up; the message ends with the tail of its log."""


def choose(labels: Sequence[str]) -> tuple[Spec, ...]:
    """The specs whose label is, or begins with, one of these; all for none."""
    for label in labels:
        if not any(spec.label.startswith(label) for spec in SPECS):
            raise ServerFailed(f"no server is called {label!r}; there are {', '.join(spec.label for spec in SPECS)}")
    return tuple(spec for spec in SPECS if not labels or any(spec.label.startswith(label) for label in labels))


def choose_like(label: str) -> Spec:
    """The spec of that label; else (for a server from outside that Debian does not have) one of the same flavour."""
    alike = [spec for spec in SPECS if spec.label == label]
    return (alike or [spec for spec in SPECS if spec.flavour == label.partition("-")[0]])[0]


def prepare(specs: Sequence[Spec]) -> dict[str, Path]:
    """The cached directory, with `root` and `template`, for each label; what is missing is made, in some 10 s each."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        return dict(zip((spec.label for spec in specs), pool.map(_prepared, specs), strict=True))


def _prepared(spec: Spec) -> Path:
    def build(directory: Path) -> None:
        debroot.unpack(spec.suite, spec.packages, directory / "root")
        _initialise(spec.flavour, directory / "root", directory / "template")

    recipe = hashlib.sha256(f"{RECIPE} {spec}".encode()).hexdigest()[:8]
    return debroot.once(CACHE / f"{spec.label}-{recipe}", build)


def plugins(spec: Spec) -> Path:
    """The directory of those plugins of MariaDB that are not in its server's package, such as auth_ed25519.so."""

    def build(directory: Path) -> None:
        debroot.unpack_alone(spec.suite, ["mariadb-server"], directory / "root")
        (directory / "root/usr/lib/mysql/plugin").rename(directory / "plugin")
        shutil.rmtree(directory / "root")

    return debroot.once(CACHE / f"{spec.label}-plugins-{RECIPE}", build) / "plugin"


def server_program(flavour: str, root: Path) -> list[str]:
    """The argument vector of the server program with where its own files are."""
    share = next(
        path for path in (root / "usr/share/mysql", root / "usr/share/mariadb") if (path / "charsets").exists()
    )
    argv = [
        *debroot.program(root, "usr/sbin/mysqld" if flavour == "mysql" else "usr/sbin/mariadbd"),
        "--no-defaults",
        f"--basedir={root}/usr",
        f"--lc-messages-dir={share}",
        f"--character-sets-dir={share}/charsets",
        f"--plugin-dir={root}/usr/lib/mysql/plugin",
    ]
    return argv + (["--user=root"] if os.geteuid() == 0 else [])


def client(flavour: str, root: Path) -> list[str]:
    """The argument vector that runs the command-line client of an unpacked root."""
    if flavour == "mysql":
        return [*debroot.program(root, "usr/bin/mysql"), "--no-defaults"]
    plugins = next(root.glob("usr/lib/*/libmariadb3/plugin"), root)
    return [*debroot.program(root, "usr/bin/mariadb"), "--no-defaults", f"--plugin-dir={plugins}"]


def _initialise(flavour: str, root: Path, data: Path) -> None:
    """A data directory with the system tables and a root account without a password."""
    data.mkdir()
    argv = [*server_program(flavour, root), f"--datadir={data}"]
    sql = None
    if flavour == "mysql":
        argv += ["--initialize-insecure", "--innodb-redo-log-capacity=8M", "--secure-file-priv=NULL"]
    else:
        argv += ["--bootstrap", "--log-warnings=0", "--innodb-log-file-size=8M"]
        data.joinpath("mysql").mkdir()
        sql = _mariadb_system_tables(root)
    done = subprocess.run(argv, input=sql, capture_output=True, check=False)
    if done.returncode:
        raise ServerFailed(f"the data directory could not be made: {done.stderr.decode(errors='replace')[-2000:]}")
    data.joinpath("auto.cnf").unlink(missing_ok=True)  # each copy is to have a server_uuid of its own


def _mariadb_system_tables(root: Path) -> bytes:
    """What the server's own installer would feed it, less anonymous users and root from elsewhere than localhost."""
    names = (
        "{}_system_tables.sql",
        "{}_performance_tables.sql",
        "{}_system_tables_data.sql",
        "fill_help_tables.sql",
        "maria_add_gis_sp_bootstrap.sql",
        "{}_sys_schema.sql",
    )
    share = next(path.parent for path in root.glob("usr/share/m*/m*_system_tables.sql"))
    prefix = next(share.glob("m*_system_tables.sql")).name.partition("_")[0]
    text = b"".join(share.joinpath(name.format(prefix)).read_bytes() + b"\n" for name in names)
    lines = [line for line in text.splitlines() if b"@current_hostname" not in line]
    return b"\n".join(
        [
            b"create database if not exists mysql;\nuse mysql;\nset @auth_root_socket = null;",
            *lines,
            b"delete from mysql.global_priv where User = '' or Host <> 'localhost';",
            b"delete from mysql.db where User = '';\n",
        ]
    )
