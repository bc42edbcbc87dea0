"""Process 1 of the namespaces in which our engine lives.

    inside.py DIRECTORY ADDRESS COMMAND…

It has the engine write to a copy of /etc, /opt and /run below DIRECTORY, brings the loopback up, says at ADDRESS of
every name outside that there is none (there is nobody else to ask, and waiting for nobody takes long), runs the
engine, and buries the dead. When it ends, the kernel ends every process and takes back every mount, interface and
packet filter.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path

SIOCSIFFLAGS, IFF_UP, IFF_RUNNING = 0x8914, 0x1, 0x40
IP_FREEBIND = 15


def write_elsewhere(directory: Path) -> None:
    """What the engine writes in the machine's own directories is seen by it alone, and gone when it ends."""
    directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "private", str(directory)], check=True)
    for name in ("etc", "opt", "run"):
        upper, work = directory / name, directory / f"{name}.work"
        upper.mkdir()
        work.mkdir()
        layers = f"lowerdir=/{name},upperdir={upper},workdir={work}"
        subprocess.run(["mount", "-t", "overlay", "-o", layers, "private", f"/{name}"], check=True)


def have_control_groups() -> None:
    """Mount those of the kernel, where nobody has done that: containers cannot be without."""
    if " - cgroup" in Path("/proc/self/mountinfo").read_text():
        return
    groups = Path("/sys/fs/cgroup")
    subprocess.run(["mount", "-t", "tmpfs", "groups", str(groups)], check=True)
    for name, _, _, enabled in (line.split() for line in Path("/proc/cgroups").read_text().splitlines()[1:]):
        if enabled == "1":
            groups.joinpath(name).mkdir()
            subprocess.run(["mount", "-t", "cgroup", "-o", name, "groups", str(groups / name)], check=False)


def remove_groups(name: str) -> None:
    """Those that the engine made for its containers."""
    for group in Path("/sys/fs/cgroup").glob(f"**/{name}"):
        for path, _, _ in os.walk(group, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(path)


def answer_no_names(listening: socket.socket) -> None:
    """Be a name server that knows no name: NXDOMAIN, at once."""
    while True:
        question, asker = listening.recvfrom(4096)
        if len(question) > 12:
            counts = struct.pack("!4H", 1, 0, 0, 0)
            listening.sendto(question[:2] + b"\x81\x83" + counts + question[12 : _end_of_question(question)], asker)


def _end_of_question(packet: bytes) -> int:
    at = 12
    while at < len(packet) and packet[at]:
        at += packet[at] + 1
    return at + 5  # the empty label, type and class


def main(directory: str, address: str, command: list[str]) -> int:
    write_elsewhere(Path(directory, "private"))
    have_control_groups()
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP | IFF_RUNNING))
    names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    names.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
    names.bind((address, 53))  # not all addresses: the answer has to come from the one that was asked
    threading.Thread(target=answer_no_names, args=[names], daemon=True).start()
    engine = subprocess.Popen(command)
    signal.signal(signal.SIGTERM, lambda *_: engine.terminate())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # from the keyboard it is for whoever started us; they tell us
    while True:
        pid, status = os.wait()
        if pid == engine.pid:
            remove_groups(Path(directory).name)
            return os.waitstatus_to_exitcode(status) & 0xFF


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
