"""A container engine for the tests: the one at hand, else one of our own, from nothing but Debian's packages.

    containers.py run -- COMMAND…        run the command with an engine; its exit code is ours
    containers.py start [--state FILE]   leave an engine of our own running; prints the lines that tell tests of it
    containers.py stop [--state FILE]    end what `start` started

At hand is the engine that DOCKER_HOST names, or the one behind /var/run/docker.sock. Where there is none and none
can be started, `run` says so and has pytest leave tests/container out, unless SCHEMAGATE_TEST_CONTAINERS=always: then
that is a failure. SCHEMAGATE_TEST_CONTAINERS=never leaves them out anyway. The test that plays manifests with podman
needs root besides, and is left out in the same way.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

if __name__ == "__main__":  # run by path: the package `tests` is found from the root of the checkout
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from tests import debroot
from tests.container import own, tools
from tests.container.engine import VARIABLE, Engine, EngineFailed, at_hand
from tests.servers import Stopped, call, on_signals, raise_stopped

WANTED = "SCHEMAGATE_TEST_CONTAINERS"
ALL = "tests/container"
PLAYED = "tests/container/test_kubernetes.py"


def run(command: Sequence[str]) -> int:
    """Run the command with an engine, which is gone after it if we started it."""
    on_signals(raise_stopped)
    try:
        with _engine() as environment:
            return call(command, environment)
    except Stopped as stopped:
        return 128 + stopped.number


@contextlib.contextmanager
def _engine() -> Iterator[dict[str, str]]:
    """The environment that tells of an engine, or that has pytest do without one."""
    with contextlib.ExitStack() as ending:
        try:
            environment = _found_or_started(ending).environment()
            if os.geteuid() != 0 and os.environ.get(WANTED) != "always":
                environment = _without(PLAYED, "podman needs root", environment)
        except (EngineFailed, debroot.UnpackFailed, OSError) as failure:
            if os.environ.get(WANTED) == "always":
                raise EngineFailed(f"{WANTED}=always, but no engine can be had: {failure}") from failure
            environment = _without(ALL, f"no engine can be had: {failure}", dict(os.environ))
        yield environment


def _without(path: str, why: str, environment: dict[str, str]) -> dict[str, str]:
    """The environment that has pytest leave the path out, which is said."""
    print(f"containers: {path} is left out, as {why}", file=sys.stderr)
    return environment | {"PYTEST_ADDOPTS": f"{environment.get('PYTEST_ADDOPTS', '')} --ignore={path}".strip()}


def _found_or_started(ending: contextlib.ExitStack) -> Engine:
    """The engine at hand, else one of our own, whose end is left to `ending`."""
    wanted = os.environ.get(WANTED) or "auto"
    if wanted not in ("auto", "always"):
        raise EngineFailed(f"{WANTED}={wanted}")
    if engine := at_hand():
        return engine
    started = own.OwnEngine()
    ending.callback(started.stop)
    ending.callback(on_signals, signal.SIG_IGN)
    return started.start()


def start(state: Path) -> int:
    """Start an engine that outlives this process; the state file is what `stop` needs."""
    if state.exists():
        raise EngineFailed(f"{state} tells of an engine; stop it first")
    engine = own.OwnEngine(detached=True)
    try:
        told = engine.start().environment()
    except BaseException:
        engine.stop()
        raise
    state.write_text(json.dumps({"directory": str(engine.directory), "process": engine.process}))
    for name in ("DOCKER_HOST", "DOCKER_CONFIG", "PATH", VARIABLE):
        print(f"export {name}={shlex.quote(told[name])}")
    return 0


def stop(state: Path) -> int:
    """End the engine of that state file. Whoever has its process id by now is left alone if it is not that engine."""
    known = json.loads(state.read_text())
    directory = Path(known["directory"])
    with contextlib.suppress(FileNotFoundError):
        if str(directory).encode() in Path(f"/proc/{known['process']}/cmdline").read_bytes():
            own.end(known["process"])
    own.clean(directory)
    state.unlink()
    return 0


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["run", "start", "stop"])
    parser.add_argument("--state", type=Path, default=tools.CACHE / "running.json", metavar="FILE")
    split = list(words).index("--") if "--" in words else len(words)
    arguments = parser.parse_args(words[:split])
    command = words[split + 1 :]
    if arguments.action == "run" and not command:
        parser.error("a command is missing: containers.py run -- COMMAND…")
    try:
        return {
            "run": lambda: run(command),
            "start": lambda: start(arguments.state),
            "stop": lambda: stop(arguments.state),
        }[arguments.action]()
    except (EngineFailed, debroot.UnpackFailed, OSError, subprocess.SubprocessError) as failure:
        print(f"containers: {failure}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
