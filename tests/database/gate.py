"""Starts of the real program against one schema, for tests that are written in Python."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import subprocess
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tests.crash import starts
from tests.database.world import Start, until
from tests.databases import Database


class Gate:
    """A folder of migrations, a schema, and the program between them. Each start is a process of its own, forked from
    one that has imported the program: most of the time of a start goes by with that.
    """

    def __init__(self, database: Database, folder: Path, migrations: Path | None = None) -> None:
        self.database, self.folder = database, folder
        self.migrations = migrations or folder / "migrations"
        self.migrations.mkdir(exist_ok=True)
        self._count = 0

    def write(self, **files: str) -> Gate:
        """Write migrations, each under its name without `.sql`."""
        for name, text in files.items():
            self.migrations.joinpath(f"{name}.sql").write_text(text, "utf-8")
        return self

    def begin(
        self,
        command: str = "up",
        *,
        account: tuple[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        **variables: str,
    ) -> Start:
        """Begin a start; the variables given win over those that every start has, and an empty one is none."""
        self._count += 1
        known = {**self.database.environment(*(account or ())), "SCHEMAGATE_MIGRATIONS": str(self.migrations)}
        return begin(self.folder, command, {**known, **(environment or {}), **variables}, self._count)

    def run(
        self,
        command: str = "up",
        expected: int = 0,
        *,
        account: tuple[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        **variables: str,
    ) -> Start:
        """A start and its end, which is to be this exit code."""
        start = self.begin(command, account=account, environment=environment, **variables)
        code = start.wait()
        assert code == expected, f"exit code {code}, not {expected}\n{start.text}"
        if start.lines:
            assert start.lines[-1]["exit_code"] == code
        return start


class Forked:
    """A forked start, in the words of subprocess."""

    def __init__(self, start: starts.Start) -> None:
        self._start = start

    @property
    def pid(self) -> int:
        assert self._start.begun.wait(30)
        return self._start.pid

    def poll(self) -> int | None:
        return self._start.wait(0)

    def wait(self, timeout: float | None = None) -> int:
        code = self._start.wait(threading.TIMEOUT_MAX if timeout is None else timeout)
        if code is None:
            raise subprocess.TimeoutExpired("schemagate", timeout or 0)
        return code

    def send_signal(self, sig: int, /) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, sig)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


@cache
def _starter() -> starts.Starter:
    """What the starts are forked from, as long as this process lives."""
    starter = starts.Starter().__enter__()
    atexit.register(starter.__exit__)
    return starter


def begin(folder: Path, command: str, variables: Mapping[str, str], number: int = 1) -> Start:
    """Begin a start with these variables, in this folder; it logs JSON."""
    out, termination = folder / f"output-{number}", folder / f"termination-{number}"
    known = {
        "PATH": os.environ["PATH"],
        "SCHEMAGATE_LOG_FORMAT": "json",
        "SCHEMAGATE_TERMINATION_LOG": str(termination),
    }
    out.touch()
    process = Forked(_starter().begin(command.split(), {**known, **variables}, out, folder))
    return Start(f"{command} {number}", process, out, termination)


def said(start: Start, event: str) -> list[dict[str, Any]]:
    """The lines of this event, in order."""
    return [line for line in start.lines if line["event"] == event]


def last(start: Start) -> Mapping[str, Any]:
    """The last line: with the event of the verdict, the exit code, and the message."""
    return start.lines[-1]


def until_said(start: Start, event: str, **fields: Any) -> None:
    """Wait until a start says this."""

    def there() -> bool:
        return any(fields.items() <= line.items() for line in said(start, event))

    def ended() -> bool:
        return start.process.poll() is not None

    until(lambda: there() or ended(), f"{event} {json.dumps(fields)} in\n{start.text}")
    assert there(), f"{event} {json.dumps(fields)} was not said:\n{start.text}"
