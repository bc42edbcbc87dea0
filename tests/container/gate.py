"""Starts of the image in containers, as strict as they can be, against a MySQL in another."""

from __future__ import annotations

import json
import secrets
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.container.engine import Engine

PATIENCE_SECONDS = 60.0
# Nothing of it may be written to, and no right is left: the image needs none.
STRICT = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")


@dataclass(frozen=True, slots=True)
class Ended:
    """A container that has ended: its exit code, and what it printed."""

    code: int
    stdout: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The log, line by line."""
        return [json.loads(line) for line in self.stdout.splitlines()]

    @property
    def last(self) -> dict[str, Any]:
        """The last line of the log, which carries the exit code."""
        return self.lines[-1]


class Server:
    """A MySQL container on a network of its own."""

    def __init__(self, engine: Engine, image: str, name: str) -> None:
        self.engine, self.name = engine, name
        self.password = secrets.token_hex(8)
        engine.docker("network", "create", name)
        told = [f"--env=MYSQL_ROOT_PASSWORD={self.password}", "--env=MYSQL_DATABASE=any"]
        engine.docker("run", "--detach", "--name", name, "--network", name, *told, image)

    def sql(self, text: str, schema: str = "") -> list[list[str]]:
        """Run statements as root; answers the rows."""
        client = ["mysql", "--user=root", "--batch", "--skip-column-names", *([schema] if schema else [])]
        done = self.engine.docker(
            "exec", "--interactive", f"--env=MYSQL_PWD={self.password}", self.name, *client, stdin=text
        )
        return [line.split("\t") for line in done.stdout.splitlines()]

    def wait(self, image: str) -> None:
        """Until it answers on its port, which is what the product's own `wait` is for."""
        told = [
            f"--env=MYSQL_{name}={value}"
            for name, value in (("HOST", self.name), ("USER", "root"), ("DATABASE", "any"))
        ]
        secret = f"--env=MYSQL_PASSWORD={self.password}"
        self.engine.docker("run", "--rm", f"--network={self.name}", *told, secret, image, "wait")

    def remove(self) -> None:
        """End it, with its data."""
        self.engine.docker("rm", "--force", "--volumes", self.name)
        self.engine.docker("network", "rm", self.name)


class Gate:
    """Starts of an image against a schema of its own, with the migrations of a folder of its own."""

    def __init__(self, server: Server, image: str, folder: Path) -> None:
        self.server, self.engine, self.image, self.folder = server, server.engine, image, folder
        self.schema = f"gate_{secrets.token_hex(4)}"
        self.password = secrets.token_hex(8)
        folder.chmod(0o755)  # the account of the image is to read it
        server.sql(f"CREATE DATABASE {self.schema}; CREATE USER {self.schema} IDENTIFIED BY '{self.password}'")
        server.sql(f"GRANT ALL ON *.* TO {self.schema}")

    def write(self, **files: str) -> None:
        """Write migrations: `_01_shop="CREATE …"` is 01_shop.sql, `schema="…"` the snapshot."""
        for name, text in files.items():
            self.folder.joinpath(f"{name.removeprefix('_')}.sql").write_text(text)

    def run(self, *words: str, options: Sequence[str] = (), **settings: str) -> Ended:
        """Start the image with these words and settings, and wait for its end."""
        done = self.engine.docker("run", "--rm", *self._options(settings, options), *words, check=False)
        assert done.returncode < 125 or done.returncode > 127, done.stderr
        return Ended(done.returncode, done.stderr if words[:1] == ("diff",) else done.stdout)  # which answers on stdout

    def begin(self, *words: str, statement: str = "", line: str = "", **settings: str) -> str:
        """Start the image in the background; answers the container once the server runs a statement with that text, or
        the container has printed that line."""
        name = f"schemagate-test-{secrets.token_hex(4)}"
        self.engine.docker("run", "--detach", "--name", name, *self._options(settings, ()), *words)
        running = (
            "SELECT COUNT(*) FROM information_schema.processlist "
            f"WHERE db = '{self.schema}' AND id <> CONNECTION_ID() AND info LIKE '%{statement}%'"
        )
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            if statement and self.server.sql(running) != [["0"]]:
                return name
            printed = self.engine.docker("logs", name).stdout
            if line and line in printed.splitlines():
                return name
            assert time.monotonic() < end, printed
            time.sleep(0.05)

    def end(self, container: str) -> Ended:
        """Wait for the end of a container that was begun, and remove it."""
        code = int(self.engine.docker("wait", container).stdout)
        text = self.engine.docker("logs", container).stdout
        self.engine.docker("rm", container)
        return Ended(code, text)

    def settings(self) -> dict[str, str]:
        """What tells a start of the server; none is asked for that a test does not want to wait for."""
        return {
            "MYSQL_HOST": self.server.name,
            "MYSQL_DATABASE": self.schema,
            "MYSQL_USER": self.schema,
            "MYSQL_PASSWORD": self.password,
            "SCHEMAGATE_GRACE_SECONDS": "0",
        }

    def _options(self, settings: Mapping[str, str], options: Sequence[str]) -> list[str]:
        told = [f"--env={name}={value}" for name, value in {**self.settings(), **settings}.items()]
        mount = [] if any("/migrations" in option for option in options) else [f"--volume={self.folder}:/migrations:ro"]
        return [*STRICT, f"--network={self.server.name}", *told, *mount, *options, self.image]

    def remove(self) -> None:
        """Drop the schema and the account."""
        self.server.sql(f"DROP DATABASE IF EXISTS {self.schema}; DROP USER {self.schema}")


def files_of(engine: Engine, image: str) -> list[str]:
    """The path of every file in the image, as `docker export` lists them."""
    container = engine.docker("create", image).stdout.strip()
    try:
        with subprocess.Popen(
            ["docker", "export", container], env=engine.environment(), stdout=subprocess.PIPE
        ) as export:
            listed = subprocess.run(["tar", "--list"], stdin=export.stdout, capture_output=True, text=True, check=True)
        return listed.stdout.splitlines()
    finally:
        engine.docker("rm", container)


def compressed_bytes(engine: Engine, image: str) -> int:
    """How large the image is on its way to a registry: what `docker save | gzip -6` writes."""
    with subprocess.Popen(["docker", "save", image], env=engine.environment(), stdout=subprocess.PIPE) as save:
        return len(subprocess.run(["gzip", "-6"], stdin=save.stdout, stdout=subprocess.PIPE, check=True).stdout)
