"""Real servers for the tests, from nothing but Debian's packages: no root, no container, no service on the machine.

    servers.py run [SERVER…] -- COMMAND…       fresh servers for one command; its exit code is ours (--on-disk: with
                                               their data on disk, where it would be in memory otherwise)
    servers.py start [SERVER…] [--state FILE]  leave servers running; prints the line that tells tests of them
    servers.py stop [--state FILE]             end what `start` started, and remove its data
    servers.py external URL…                   print the value of SCHEMAGATE_TEST_SERVERS for servers of your own
    servers.py python3.15 [DIR]                unpack Python 3.15 into DIR; prints the words that run it

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
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType

if __name__ == "__main__":  # run by path: the package `tests` is found from the root of the checkout
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from tests import debroot
from tests.instances import Instance, commands_naming, discard, launch
from tests.packages import CACHE, ServerFailed, choose, choose_like, client, prepare
from tests.reach import VARIABLE, Server, ask, to_json

__all__ = ["Instance", "Server", "external", "main", "run", "start", "stop"]

PATIENCE_SECONDS = 20.0  # for a command that is asked to end


class Stopped(BaseException):
    """A signal asked us to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def run(words: Sequence[str], command: Sequence[str], *, on_disk: bool = False) -> int:
    """Run the command with fresh servers (or those of the URLs among the words), which are gone after it."""
    urls = [word for word in words if "://" in word]
    labels = [word for word in words if "://" not in word]
    choose(labels)
    instances: list[Instance] = []
    on_signals(raise_stopped)
    try:
        servers = [external(url) for url in urls]
        if labels or not urls:
            instances = launch(labels, on_disk=on_disk)
        servers += [instance.server() for instance in instances]
        return call(command, os.environ | {VARIABLE: to_json(servers)})
    except Stopped as stopped:
        return 128 + stopped.number
    finally:
        on_signals(signal.SIG_IGN)
        discard(instances)


def call(command: Sequence[str], environment: dict[str, str]) -> int:
    """The command's exit code, 128 + n where signal n ended it. If we are asked to end, so is the command."""
    with subprocess.Popen(command, env=environment) as process:
        try:
            code = process.wait()
        except Stopped as stopped:
            if stopped.number != signal.SIGINT or not sys.stdin.isatty():  # from a keyboard it went to the command too
                process.send_signal(stopped.number)
            try:
                process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
            raise
    return code if code >= 0 else 128 - code


def raise_stopped(number: int, _frame: FrameType | None) -> None:
    on_signals(signal.SIG_IGN)  # once is enough: what follows is the cleaning up
    raise Stopped(number)


def on_signals(handler: object) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, handler)  # type: ignore[arg-type]


def external(url: str) -> Server:
    """The server of that URL as the tests want it: it is asked what it is, and a client is found for it."""
    server = ask(url)
    if found := shutil.which(server.flavour):
        return replace(server, client=(found, "--no-defaults"))
    spec = choose_like(server.label)
    try:
        root = prepare([spec])[spec.label] / "root"
    except debroot.UnpackFailed as failure:  # most tests do without
        print(f"servers: no client for {server.label}: {failure}", file=sys.stderr)
        return server
    return replace(server, client=tuple(client(spec.flavour, root)))


def start(labels: Sequence[str], state: Path) -> int:
    """Start servers that outlive this process; the state file is what `stop` needs."""
    if state.exists():
        if any(commands_naming(directory) for directory in json.loads(state.read_text())):
            raise ServerFailed(f"{state} tells of servers that run; stop them first")
        stop(state)
    instances = launch(labels, detached=True)
    state.parent.mkdir(parents=True, exist_ok=True)
    state.write_text(json.dumps([str(instance.directory) for instance in instances]))
    print(f"export {VARIABLE}={shlex.quote(to_json(instance.server() for instance in instances))}")
    return 0


def stop(state: Path) -> int:
    """End the servers of that state file and nothing else: they are known by their directories, not by a process id
    that may belong to another program by now."""
    for directory in map(Path, json.loads(state.read_text())):
        for pid in commands_naming(f"--datadir={directory}/data"):
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(directory, ignore_errors=True)
        if directory.parent.is_dir() and not any(directory.parent.iterdir()):
            directory.parent.rmdir()
    state.unlink()
    return 0


def python(directory: Path) -> int:
    """Python 3.15 as Debian has it, to be run from the directory."""
    root = debroot.once(directory, lambda partial: debroot.unpack("sid", ["python3.15"], partial / "root")) / "root"
    print(shlex.join(debroot.program(root.resolve(), "usr/bin/python3.15")))
    return 0


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name in ("run", "start", "stop", "external", "python3.15"):
        action = commands.add_parser(name)
        if name in ("run", "start"):
            action.add_argument("servers", nargs="*", metavar="SERVER")
        if name == "run":
            action.add_argument("--on-disk", action="store_true", help="their data, not in memory: to measure time")
        if name in ("start", "stop"):
            action.add_argument("--state", type=Path, default=CACHE / "running.json", metavar="FILE")
        if name == "external":
            action.add_argument("urls", nargs="+", metavar="URL")
        if name == "python3.15":
            action.add_argument("directory", nargs="?", type=Path, default=CACHE / "python3.15", metavar="DIR")
    split = list(words).index("--") if "--" in words else len(words)
    arguments = parser.parse_args(words[:split])
    arguments.words = words[split + 1 :]
    if arguments.action == "run" and not arguments.words:
        parser.error("a command is missing: servers.py run [SERVER…] -- COMMAND…")
    return arguments


def main(words: Sequence[str]) -> int:
    arguments = _arguments(words)
    try:
        match arguments.action:
            case "run":
                return run(arguments.servers, arguments.words, on_disk=arguments.on_disk)
            case "start":
                return start(arguments.servers, arguments.state)
            case "stop":
                return stop(arguments.state)
            case "external":
                print(to_json(external(url) for url in arguments.urls))
                return 0
            case _:
                return python(arguments.directory)
    except (ServerFailed, debroot.UnpackFailed, ValueError, OSError) as failure:
        print(f"servers: {failure}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
