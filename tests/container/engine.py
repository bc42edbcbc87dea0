"""How the tests reach a container engine: the one that whoever started them tells of, else the one at hand.

At hand is the engine that DOCKER_HOST names, or the one behind /var/run/docker.sock. `tests/containers.py` starts one
where there is none.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.container import tools

VARIABLE = "SCHEMAGATE_TEST_ENGINE"
SOCKET = Path("/var/run/docker.sock")


class EngineFailed(Exception):
    """No engine can be had; the message says why."""


@dataclass(frozen=True, slots=True)
class Engine:
    """How to reach an engine. `process` is process 1 of its namespaces, None where it is not our own."""

    host: str
    path: str
    config: str | None
    process: int | None

    def environment(self) -> dict[str, str]:
        """The environment in which `docker`, `docker compose` and `docker buildx` use this engine."""
        told = {"DOCKER_HOST": self.host, "PATH": self.path, VARIABLE: json.dumps(asdict(self))}
        return {**os.environ, **told, **({"DOCKER_CONFIG": self.config} if self.config else {})}

    def inside(self, command: Sequence[str]) -> list[str]:
        """The words that run a command in the engine's own network: where published ports are on 127.0.0.1, and
        containers have the addresses that `docker inspect` tells."""
        enter = ["nsenter", "--net", "--target", str(self.process), "--"] if self.process else []
        return [*enter, *command]

    def docker(
        self, *words: str, check: bool = True, stdin: str | None = None, seconds: float = 300, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run `docker WORDS…`. If it fails and `check` is set, the error has what it printed."""
        done = subprocess.run(
            ["docker", *words],
            env=self.environment() | variables,
            input=stdin or "",
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        if check and done.returncode:
            said = (done.stdout[-2000:] + done.stderr[-4000:]).strip()
            raise AssertionError(f"docker {shlex.join(words)[:300]} ended with {done.returncode}: {said}")
        return done


def told() -> Engine | None:
    """The engine that whoever started us tells of, else the one at hand."""
    if text := os.environ.get(VARIABLE):
        return Engine(**json.loads(text))
    return at_hand()


def at_hand() -> Engine | None:
    """The engine that DOCKER_HOST names, or that of the machine, if it answers."""
    host = os.environ.get("DOCKER_HOST") or (f"unix://{SOCKET}" if SOCKET.exists() else "")
    if not host:
        return None
    client = tools.client()
    path = os.pathsep.join([*([str(client.programs)] if client.programs else []), os.environ["PATH"]])
    config = None
    if client.plugins:
        config = str(write_config(tools.CACHE / "config", client.plugins))
    engine = Engine(host, path, config, None)
    with contextlib.suppress(subprocess.TimeoutExpired, OSError):
        if engine.docker("version", check=False, seconds=15).returncode == 0:
            return engine
    return None


def write_config(directory: Path, plugins: Path) -> Path:
    """A directory for DOCKER_CONFIG with Compose and buildx; nothing of the user's own settings is used."""
    directory.mkdir(parents=True, exist_ok=True)
    directory.joinpath("config.json").write_text(json.dumps({"cliPluginsExtraDirs": [str(plugins)]}))
    return directory
