"""Process 1 of the namespaces in which our engine lives: brings the loopback up, runs the engine, buries the dead.

When it ends, the kernel ends every process and takes back every mount, interface and packet filter of the namespaces.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys

SIOCSIFFLAGS, IFF_UP, IFF_RUNNING = 0x8914, 0x1, 0x40


def main(command: list[str]) -> int:
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP | IFF_RUNNING))
    engine = subprocess.Popen(command)
    signal.signal(signal.SIGTERM, lambda *_: engine.terminate())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # from the keyboard it is for whoever started us; they tell us
    while True:
        pid, status = os.wait()
        if pid == engine.pid:
            return os.waitstatus_to_exitcode(status) & 0xFF


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
