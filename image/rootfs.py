"""Write the file system of the image: Python, the libraries that it loads, certificates, and nothing else.

    rootfs.py TARGET

Run in the build stage by the very Python that the image is to have. Everything keeps the path that it has there, so
that nothing has to be configured anew; there is no shell, no package manager and no compiler, as nobody copies one.
"""

from __future__ import annotations

import compileall
import os
import py_compile
import re
import shutil
import struct
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

PYTHON = Path("/usr/local/bin/python")  # the name that the image starts it by
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
# Parts of the standard library that neither we nor what we depend on imports, on any path: programs, tests of Python
# itself, windows on a screen, other protocols, and modules for C libraries that the image does without.
UNUSED = (
    *("__hello__.py", "__phello__", "__pycache__", "_pyrepl", "antigravity.py", "config-*", "curses", "dbm"),
    *("dist-packages", "doctest.py", "ensurepip", "ftplib.py", "idlelib", "imaplib.py", "lib2to3", "mailbox.py"),
    *("multiprocessing", "pdb.py", "poplib.py", "profiling", "pydoc.py", "pydoc_data", "site-packages", "smtplib.py"),
    *("sqlite3", "test", "this.py", "tkinter", "turtle.py", "turtledemo", "unittest", "venv", "wave.py", "wsgiref"),
    "xmlrpc",
)
UNUSED_EXTENSIONS = (
    *("_bz2", "_codecs_*", "_ctypes_test", "_curses*", "_dbm", "_gdbm", "_interp*", "_lsprof", "_lzma"),
    *("_multibytecodec", "_multiprocessing", "_posixshmem", "_remote_debugging", "_sqlite3", "_test*", "_tkinter"),
    *("_uuid", "_xxtestfuzz", "readline", "xx*"),
)
# cryptography needs the compiled part of cffi alone.
UNUSED_PACKAGES = ("bin", "cffi", "cffi-*", "pycparser", "pycparser-*", "__pycache__")
ACCOUNTS = {
    "passwd": "root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n",
    "group": "root:x:0:\nnonroot:x:65532:\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


def main(target: Path) -> None:
    for name in ("bin", "lib", "lib64", "sbin"):  # as in the build stage: what is a link there is one here
        if Path("/", name).is_symlink():
            target.joinpath("usr", name).mkdir(parents=True, exist_ok=True)
            target.joinpath(name).symlink_to(f"usr/{name}")
    library = Path(sysconfig.get_path("stdlib"))
    interpreter = Path(sys.executable).resolve()
    copy(interpreter, target)
    target.joinpath("usr/local/bin").mkdir(parents=True, exist_ok=True)
    if not os.path.lexists(inside(PYTHON, target)):
        inside(PYTHON, target).symlink_to(interpreter)
    standard_library(library, inside(library, target))
    shutil.copytree("/app", target / "app", ignore=shutil.ignore_patterns(*UNUSED_PACKAGES))
    compiled(target / "app", legacy=False)
    for extension in target.joinpath("app").rglob("*.so"):
        strip(extension)
    copy(CERTIFICATES, target)
    for name, text in ACCOUNTS.items():
        target.joinpath("etc", name).write_text(text)
    for folder, mode in (("migrations", 0o755), ("tmp", 0o1777)):
        target.joinpath(folder).mkdir()
        target.joinpath(folder).chmod(mode)
    programs = [interpreter, *library.glob("lib-dynload/*.so"), *Path("/app").rglob("*.so")]
    libraries(target, (path for path in programs if inside(path, target).exists()))


def libraries(target: Path, programs: Iterable[Path]) -> None:
    """Copy the shared libraries of these programs, and tell the loader where they are."""
    for path in sorted(loaded_by(programs)):
        copy(path, target)
    shutil.copy("/etc/ld.so.conf", target / "etc")
    if Path("/etc/ld.so.conf.d").exists():
        shutil.copytree("/etc/ld.so.conf.d", target / "etc/ld.so.conf.d")
    subprocess.run(["ldconfig", "-r", str(target)], check=True)  # noqa: S603, S607 - the one of the build stage
    shutil.rmtree(target / "var", ignore_errors=True)  # what ldconfig remembers for itself


def inside(path: Path, target: Path) -> Path:
    return target / path.relative_to("/")


def copy(path: Path, target: Path) -> None:
    """Copy the file, under that name, whatever links lead to it."""
    place = inside(path, target)
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.exists():
        shutil.copy2(path.resolve(), place)


def standard_library(source: Path, place: Path) -> None:
    """The parts that somebody imports, as byte code alone: sources of Python itself are of no use to who runs this."""
    shutil.copytree(source, place, ignore=shutil.ignore_patterns(*UNUSED))
    for pattern in UNUSED_EXTENSIONS:
        for path in place.joinpath("lib-dynload").glob(f"{pattern}.*"):
            path.unlink()
    compiled(place, legacy=True)
    for path in place.rglob("*.py"):
        path.unlink()


def compiled(folder: Path, *, legacy: bool) -> None:
    """Byte code that is used without a look at the sources: nothing is ever written at run time."""
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    done = compileall.compile_dir(
        folder, quiet=1, legacy=legacy, invalidation_mode=mode, stripdir=sys.argv[1], prependdir="/"
    )  # where it is, for tracebacks, is where it will be
    if not done:
        raise SystemExit(f"{folder} cannot be compiled")


def strip(extension: Path) -> None:
    """Cut off what no segment holds, which is the table of symbols for debuggers, and with it the list of sections."""
    data = bytearray(extension.read_bytes())
    if data[:6] != b"\x7fELF\x02\x01":  # 64 bits, little-endian
        return
    (headers,), (size, count) = struct.unpack_from("<Q", data, 32), struct.unpack_from("<HH", data, 54)
    end = headers + size * count
    for number in range(count):
        offset, length = struct.unpack_from("<Q16xQ", data, headers + size * number + 8)
        end = max(end, offset + length)
    struct.pack_into("<Q", data, 40, 0)  # no list of sections
    struct.pack_into("<HH", data, 60, 0, 0)  # with no entry, and no names
    extension.write_bytes(data[:end])


def loaded_by(programs: Iterable[Path]) -> set[Path]:
    """The shared libraries that these are linked with, and the loader, by the paths at which they are looked for."""
    found: set[Path] = set()
    for program in programs:
        ldd = ["ldd", str(program)]
        said = subprocess.run(ldd, stdout=subprocess.PIPE, text=True, check=True).stdout  # noqa: S603
        if "not found" in said:
            raise SystemExit(f"{program} lacks a library:\n{said}")
        for path in re.findall(r"(?:=> |^\s+)(/\S+)", said, re.MULTILINE):
            found.add(Path(os.path.realpath(os.path.dirname(path)), os.path.basename(path)))
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]))
