"""Real servers for the tests, from nothing but Debian's packages: no root, no container, no service on the machine.

    servers.py run [SERVER…] -- COMMAND…       fresh servers for one command; its exit code is ours
    servers.py start [SERVER…] [--state FILE]  leave servers running; prints the line that tells tests of them
    servers.py stop [--state FILE]             end what `start` started, and remove its data
    servers.py external URL                    print the value of SCHEMAGATE_TEST_SERVERS for a server of your own
    servers.py python3.15 DIR                  unpack Python 3.15 into DIR, print the words of the command that runs it

SERVER is mysql-9.7, mariadb-10.11 or mariadb-11.8, the beginning of one of these, or (for `run`) the URL of
a server of your own, mysql://user:password@host:port/?ca=FILE; none means all three.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import signal
import sys
import tempfile
from pathlib import Path

if __name__ == "__main__":  # run by path: the package `tests` is found from the root of the checkout
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from tests import debroot
from tests.instances import CACHE, Instance, ServerFailed, choose, prepare
from tests.reach import VARIABLE, to_json


def start(labels: list[str], state: Path) -> int:
    """Start servers that outlive this process; the state file is what `stop` needs."""
    if state.exists():
        raise ServerFailed(f"{state} tells of servers that run already; stop them first")
    specs = choose(labels)
    caches = prepare(specs)
    directory = Path(tempfile.mkdtemp(prefix="schemagate-servers-"))
    instances = [Instance(spec, caches[spec.label], directory / spec.label, detached=True) for spec in specs]
    try:
        for instance in instances:
            instance.spawn()
        for instance in instances:
            instance.wait()
    except BaseException:
        for instance in instances:
            instance.remove()
        raise
    value = to_json(instance.server() for instance in instances)
    state.parent.mkdir(parents=True, exist_ok=True)
    state.write_text(json.dumps({"directory": str(directory), "pids": [instance.pid for instance in instances]}))
    print(f"export {VARIABLE}={shlex.quote(value)}")
    return 0


def stop(state: Path) -> int:
    """End the servers of that state file and nothing else: a process id may belong to another program by now."""
    known = json.loads(state.read_text())
    for pid in known["pids"]:
        command = Path(f"/proc/{pid}/cmdline")
        if command.exists() and known["directory"].encode() in command.read_bytes():
            os.kill(pid, signal.SIGKILL)
    shutil.rmtree(known["directory"], ignore_errors=True)
    state.unlink()
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("start", "stop"):
        command = commands.add_parser(name)
        command.add_argument("--state", type=Path, default=CACHE / "running.json")
        if name == "start":
            command.add_argument("labels", nargs="*")
    arguments = parser.parse_args()
    try:
        if arguments.command == "start":
            return start(arguments.labels, arguments.state)
        return stop(arguments.state)
    except (ServerFailed, debroot.UnpackFailed, OSError) as failure:
        print(f"servers: {failure}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
