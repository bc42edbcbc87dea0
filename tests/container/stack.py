"""The stack of the README, in a fresh copy of its files, with passwords and a Compose project of its own."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.container.engine import Engine

ROOT = Path(__file__).resolve().parents[2]
REQUEST = Path(__file__).with_name("stack_request.py")
PATIENCE_SECONDS = 60.0

# What differs from the files: images that the tests have made, where the engine is not ours a port that is free,
# and health that is looked at more often.
OVERRIDE = """\
services:
  mysql:
    healthcheck:
      interval: 1s
  migrate:
    image: {migrate}
  server:
    image: {server}
    ports: !override ["127.0.0.1:{port}:3000"]
    healthcheck:
      interval: 1s
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server answered."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def body(self) -> Any:
        """Its JSON."""
        return json.loads(self.text)


class Stack:
    """The files are those below `folder`: a test breaks and mends them as a person would, in place."""

    def __init__(self, engine: Engine, folder: Path, name: str, migrate: str, server: str) -> None:
        self.engine, self.folder, self.name = engine, folder, name
        left_out = shutil.ignore_patterns("secrets", "node_modules")
        for part in ("compose", "migrations"):
            shutil.copytree(ROOT / part, folder / part, ignore=left_out)
        subprocess.run([str(folder / "compose/make-secrets.sh")], check=True)
        self._files = [folder / "compose/compose.yaml", folder / "override.yaml"]
        self._address = f"127.0.0.1:{3000 if engine.process else free_port()}"
        port = self._address.partition(":")[2]
        self._files[1].write_text(OVERRIDE.format(migrate=migrate, server=server, port=port))
        self.well = False  # did the last `up` end with everything running?

    # --- the files ----------------------------------------------------------------------------------------------------

    def write(self, migration: str, text: str) -> None:
        """Write a migration."""
        self.folder.joinpath("migrations", f"{migration}.sql").write_text(text, "utf-8")

    def remove(self, migration: str) -> None:
        """Remove a migration."""
        self.folder.joinpath("migrations", f"{migration}.sql").unlink()

    def shipped(self, *overlays: str) -> dict[str, Any]:
        """The services as Compose understands the shipped files."""
        files = [f"--file={self.folder}/compose/{name}" for name in ("compose.yaml", *overlays)]
        read = json.loads(self.engine.docker("compose", *files, "config", "--format", "json").stdout)
        assert isinstance(read["services"], dict)
        return read["services"]

    # --- Compose ------------------------------------------------------------------------------------------------------

    def compose(
        self, *words: str, override: str = "", check: bool = True, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run `docker compose WORDS…` in this project, with one more file if `override` is the text of one."""
        files = list(self._files)
        if override:
            files.append(self.folder / "more.yaml")
            files[-1].write_text(override)
        options = [option for file in files for option in ("--file", str(file))]
        return self.engine.docker("compose", "--project-name", self.name, *options, *words, check=check, stdin=stdin)

    def up(self, *options: str) -> None:
        """`up -d`, and wait until the server answers that it is well."""
        self.compose("up", "--detach", *options)
        assert self.states() == {"mysql": "running", "migrate": "exited 0", "server": "running", "redis": "running"}
        self.until_well()
        self.well = True

    def refused(self, code: int, override: str = "") -> Mapping[str, Any]:
        """`up -d`, which has to end with the gate shut by this exit code; answers the last line of its log.

        What waits behind the gate was made and never started.
        """
        self.well = False
        done = self.compose("up", "--detach", override=override, check=False)
        assert done.returncode == 1, done.stdout + done.stderr
        assert f"didn't complete successfully: exit {code}" in done.stderr, done.stderr
        assert self.states() == {
            "mysql": "running",
            "migrate": f"exited {code}",
            "server": "created",
            "redis": "created",
        }
        for service in ("server", "redis"):
            assert self.inspect(service)["State"]["StartedAt"].startswith("0001-01-01"), f"{service} has run before"
        last = self.said()[-1]
        assert last["exit_code"] == code
        return last

    def clean(self) -> None:
        """Everything of the project is gone, volumes included; the files are as they are shipped."""
        self.well = False
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "0")
        shutil.rmtree(self.folder / "migrations")
        shutil.copytree(ROOT / "migrations", self.folder / "migrations")

    def states(self) -> dict[str, str]:
        """The state of each container, and how it ended if it has."""
        label = "com.docker.compose"
        containers = self.engine.docker("ps", "--all", "--quiet", f"--filter=label={label}.project={self.name}")
        found = {}
        for container in json.loads(self.engine.docker("inspect", *containers.stdout.split()).stdout):
            state = container["State"]
            ended = f" {state['ExitCode']}" if state["Status"] == "exited" else ""
            found[container["Config"]["Labels"][f"{label}.service"]] = f"{state['Status']}{ended}"
        return found

    def inspect(self, service: str) -> dict[str, Any]:
        """What the engine knows of its container."""
        (found,) = json.loads(self.engine.docker("inspect", self._container(service)).stdout)
        assert isinstance(found, dict)
        return found

    def exec(self, service: str, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command in its container."""
        return self.engine.docker("exec", self._container(service), *words, check=check)

    def lines(self, service: str) -> list[dict[str, Any]]:
        """What it has logged so far."""
        text = self.engine.docker("logs", self._container(service)).stdout
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def _container(self, service: str) -> str:
        return f"{self.name}-{service}-1"

    def said(self) -> list[dict[str, Any]]:
        """What the latest start of migrate has logged."""
        lines = self.lines("migrate")
        began = [place for place, line in enumerate(lines) if line["event"] == "start.began"]
        return lines[began[-1] :]

    # --- MySQL --------------------------------------------------------------------------------------------------------

    def sql(self, statement: str) -> list[tuple[str, ...]]:
        """Run a statement as root of MySQL, over its socket; answers its rows as text."""
        client = 'exec mysql --default-character-set=utf8mb4 -N -B -u root "$MYSQL_DATABASE"'
        words = f"MYSQL_PWD=$(cat /run/secrets/mysql_root_password) {client}"
        command = ["exec", "--interactive", self._container("mysql"), "sh", "-c", words]
        out = self.engine.docker(*command, stdin=statement).stdout
        return [tuple(line.split("\t")) for line in out.splitlines()]

    def start_mysql(self) -> None:
        """MySQL alone, and wait until it is healthy."""
        self.compose("up", "--detach", "--wait", "mysql")

    def journal(self) -> list[tuple[str, ...]]:
        """Every statement that was applied, with when."""
        return self.sql(
            "SELECT migration, ordinal, begun_at FROM schemagate_journal WHERE outcome = 'applied' "
            "ORDER BY migration, ordinal, id"
        )

    # --- the server -----------------------------------------------------------------------------------------------

    def ask(self, *requests: Mapping[str, Any], at_once: int = 1) -> list[Answer]:
        """Send requests to the server's port, so many at once, as `stack_request.py` says."""
        words = [sys.executable, str(REQUEST), f"http://{self._address}", str(at_once)]
        command: Sequence[str] = self.engine.inside(words)
        asked = json.dumps(requests)
        done = subprocess.run(command, input=asked, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return [Answer(*answer) for answer in json.loads(done.stdout)]

    def get(self, path: str) -> Answer:
        (answer,) = self.ask({"method": "GET", "path": path})
        return answer

    def post(self, body: Any) -> Answer:
        """Ask for a new workflow."""
        (answer,) = self.ask({"method": "POST", "path": "/api/workflows/manual", "body": body})
        return answer

    def until_well(self) -> None:
        """Wait until the server says that it is well, its cache included."""
        well = {"status": "ok", "database": "ok", "cache": "ok"}
        (answer,) = self.ask({"method": "GET", "path": "/health", "until": well})
        assert (answer.status, answer.body) == (200, well)

    def until(self, there: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while not there():
            assert time.monotonic() < end, f"it never came that {what}: {self.compose('logs').stdout[-4000:]}"
            time.sleep(0.2)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        number: int = found.getsockname()[1]
        return number
