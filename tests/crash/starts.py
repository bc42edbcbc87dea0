"""Starts of the real program, by the hundred: each is a process of its own, forked from one that has imported it all.

That saves the time in which Python starts, imports, and prepares regular expressions, and nothing else: a start can be
killed like any other.

    starts.py    what the forks come from; requests and answers are lines of JSON
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass(slots=True)
class Start:
    """One start: its process, and what it printed."""

    out: Path
    pid: int = 0
    code: int | None = None
    begun: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    def kill(self) -> None:
        """kill -9; answers when it is dead."""
        self.begun.wait(30)
        if not self.ended.is_set():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        self.ended.wait(30)

    def wait(self, seconds: float) -> int | None:
        """The exit code, negative where a signal ended it; None if it has not ended by then."""
        return self.code if self.ended.wait(seconds) else None

    @property
    def text(self) -> str:
        return self.out.read_text("utf-8", "replace") if self.out.exists() else ""

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The lines of its log."""
        found = []
        for line in self.text.splitlines():
            try:
                said = json.loads(line)
            except ValueError:
                continue
            if isinstance(said, dict):
                found.append(said)
        return found


class Starter:
    """Begins starts, from `with` on; whatever still runs at its end is killed."""

    def __init__(self) -> None:
        self._starts: dict[int, Start] = {}
        self._lock = threading.Lock()
        self._next = 0

    def __enter__(self) -> Starter:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", str(Path(__file__))],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *error: object) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(30)
        self._reader.join(5)
        self._process.stdout.close()

    def begin(self, words: Sequence[str], environment: Mapping[str, str], out: Path, folder: Path = ROOT) -> Start:
        """Begin one in this folder; what it prints goes to that file."""
        assert self._process.stdin
        start = Start(out)
        with self._lock:
            self._next += 1
            self._starts[self._next] = start
            request = {
                "id": self._next,
                "words": list(words),
                "environment": dict(environment),
                "out": str(out.resolve()),
                "folder": str(folder),
            }
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        return start

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            told = json.loads(line)
            start = self._starts[told["id"]]
            if "code" in told:
                start.code = told["code"]
                start.ended.set()
                del self._starts[told["id"]]
            else:
                start.pid = told["pid"]
                start.begun.set()


# --- the process that they are forked from ---


def serve() -> None:
    """Fork a start for each line that comes; say which process it is, and later how it ended."""
    sys.path[0] = str(ROOT)
    import select

    import entrypoint

    _warm()
    read, write = os.pipe()
    os.set_blocking(write, False)
    os.set_blocking(read, False)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    running: dict[int, int] = {}
    waiting = b""
    while True:
        ready, _, _ = select.select([0, read], [], [])
        if read in ready:
            os.read(read, 4096)
        _reap(running)
        if 0 not in ready:
            continue
        data = os.read(0, 1 << 16)
        if not data:
            for pid in running:
                os.kill(pid, signal.SIGKILL)
            return
        *lines, waiting = (waiting + data).split(b"\n")
        for line in lines:
            request = json.loads(line)
            pid = os.fork()
            if not pid:
                _become(request, entrypoint.main)
            running[pid] = request["id"]
            _say({"id": request["id"], "pid": pid})


def _warm() -> None:
    """Do once what every start would do again: it is the same whatever the start is."""
    import gc

    for path in sorted((ROOT / "schemagate").glob("*.py")):
        if path.stem != "__init__":
            __import__(f"schemagate.{path.stem}")
    from schemagate import files, isolation, log, migrations, rules, snapshot, wording

    log.make_log("json", None)
    with contextlib.suppress(Exception):  # that of another server: what matters is that expressions are made
        snapshot.parse((ROOT / "migrations/schema.sql").read_text("utf-8"), "schema.sql", {})
    for migration in migrations.load(files.find(str(ROOT / "migrations"))).all:
        for statement in migration.statements():
            isolation.inside(statement, "live", "shadow")
            isolation.beyond(statement, statement.kind)
            rules.rule_without_trace(statement, statement.kind, "mysql")
            wording.said(statement.head(1000))
    gc.collect()
    gc.freeze()  # what is never looked at again is not copied into each


def _become(request: dict[str, Any], main: Any) -> None:
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        out = os.open(request["out"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(out, 1)
        os.dup2(out, 2)
        os.closerange(3, 64)
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
        code = main(request["words"], request["environment"])
        sys.stdout.flush()
    except BaseException:  # noqa: BLE001 - as an interpreter does
        import traceback

        traceback.print_exc()
        sys.stderr.flush()
        code = 99
    os._exit(code)


def _reap(running: dict[int, int]) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        _say({"id": running.pop(pid), "code": os.waitstatus_to_exitcode(status)})


def _say(what: dict[str, int]) -> None:
    os.write(1, json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    serve()
