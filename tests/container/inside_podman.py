"""Process 1 of the namespaces in which podman lives: makes podman's own files the root, then buries the dead.

    inside_podman.py ROOT STATE

ROOT is podman with all it depends on, unpacked; STATE is where it may write. When this process ends, the kernel ends
every container and takes back every mount.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys

MNT_DETACH = 2
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
KERNEL_FILES = ("sys", "dev")
IN_MEMORY = ("run", "tmp", "var/cache", "var/tmp")


def main(root: str, state: str) -> int:
    mount("--bind", root, root)
    for name in KERNEL_FILES:
        mount("--rbind", f"/{name}", f"{root}/{name}")
    mount("--types", "proc", "proc", f"{root}/proc")
    for name in IN_MEMORY:
        mount("--types", "tmpfs", "tmpfs", f"{root}/{name}")
    mount("--bind", f"{state}/storage", f"{root}/var/lib/containers")
    mount("--bind", state, f"{root}/state")
    mount("--options", "remount,bind,ro", root)
    change_root(root)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print("ready", flush=True)
    while True:
        with contextlib.suppress(ChildProcessError):
            os.wait()
            continue
        signal.sigtimedwait({signal.SIGCHLD}, 0.2)


def mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)


def change_root(root: str) -> None:
    """Make the directory the root of the file system, and let go of everything outside of it."""
    libc = ctypes.CDLL(None, use_errno=True)
    os.chdir(root)
    if libc.syscall(PIVOT_ROOT[os.uname().machine], b".", b"."):  # the old root lies below the new one's
        raise OSError(ctypes.get_errno(), "pivot_root")
    if libc.umount2(b".", MNT_DETACH):
        raise OSError(ctypes.get_errno(), "umount2")
    os.chdir("/")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
