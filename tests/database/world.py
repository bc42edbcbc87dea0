"""What a scenario happens in: a schema on a server, a folder of migrations, and starts of the real program."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pymysql

from schemagate.lock import alive_name
from tests.database.scenario import wrong
from tests.databases import Database, objects
from tests.reach import Server

if TYPE_CHECKING:
    from tests.instances import Instance
    from tests.reach import Connection

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 60.0
NO_SUCH = frozenset({1049, 1146})  # database, table


class Process(Protocol):
    """What a test does with the process of a start, in the words of subprocess."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int, /) -> None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


@dataclass(slots=True)
class Start:
    """One run of the program."""

    name: str
    process: Process
    out: Path
    termination: Path

    @property
    def text(self) -> str:
        """All that it has printed so far."""
        return self.out.read_text("utf-8")

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The log lines so far."""
        found = []
        for line in self.text.splitlines():
            with contextlib.suppress(ValueError):
                if isinstance(said := json.loads(line), dict) and "event" in said:
                    found.append(said)
        return found

    def wait(self) -> int:
        """Its exit code."""
        try:
            return self.process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(
                f"{self.name} did not end within {PATIENCE_SECONDS:g} s and said\n{self.text}"
            ) from None


class World:
    """The place of one scenario; `close` ends all that still runs in it."""

    def __init__(self, database: Database, instance: Instance | None, scenario: Path, folder: Path) -> None:
        self.database, self.instance, self.scenario, self.folder = database, instance, scenario, folder
        self.migrations = folder / "migrations"
        self.migrations.mkdir()
        self.accounts: dict[str, tuple[str, str]] = {}
        self.secrets = [database.server.password]
        self.starts: dict[str, Start] = {}
        self._sessions: dict[str, Connection] = {}

    @property
    def server(self) -> Server:
        """The server that all this is on."""
        return self.database.server

    def account(self, name: str, said: Mapping[str, Any]) -> None:
        """An account with these rights, known to the scenario by this name."""
        user, password = self.database.account(*said.get("grants", ()), plugin=said.get("plugin"))
        self.accounts[name] = user, password
        self.secrets.append(password)

    def filled(self, text: str) -> str:
        """The text with names of this place in it: {database}, {shadow}, {port}, {password}, …"""
        values = {
            "database": self.database.name,
            "shadow": self.database.shadow,
            "host": self.server.host,
            "port": str(self.server.port),
            "user": self.server.user,
            "password": self.server.password,
            "ca": self.server.ca or "",
            "folder": str(self.folder),
            "migrations": str(self.migrations),
            "scenario": str(self.scenario),
        }
        for name, (user, password) in self.accounts.items():
            values |= {f"{name}.user": user, f"{name}.password": password}
        for name, value in values.items():
            text = text.replace("{" + name + "}", value)
        return text

    def put(self, source: Path) -> None:
        """Copy the files of a folder into the migrations."""
        assert source.is_dir(), f"there is no folder {source}"
        shutil.copytree(source, self.migrations, dirs_exist_ok=True)

    def write(self, name: str, text: str) -> None:
        """Write a file below the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.filled(text).encode())

    # --- the program ---

    def run(self, name: str, words: str, account: str, environment: Mapping[str, str]) -> Start:
        """Start the program; it is not waited for."""
        own = self.database.environment(*self.accounts[account]) if account else self.database.environment()
        termination = self.folder / f"termination-{len(self.starts)}"
        variables = {
            "PATH": os.environ["PATH"],
            "PYTHONWARNINGS": "error",
            "PYTHONDONTWRITEBYTECODE": os.environ.get("PYTHONDONTWRITEBYTECODE", ""),
            **own,
            "SCHEMAGATE_MIGRATIONS": str(self.migrations),
            "SCHEMAGATE_LOG_FORMAT": "json",
            "SCHEMAGATE_TERMINATION_LOG": str(termination),
            "SCHEMAGATE_STARTED_BY": name,
            **{key: self.filled(value) for key, value in environment.items()},
        }
        variables = {key: value for key, value in variables.items() if value != "unset"}
        out = self.folder / f"output-{len(self.starts)}"
        with out.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, str(ROOT / "entrypoint.py"), *shlex.split(self.filled(words))],
                cwd=self.folder,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )
        self.starts[name] = started = Start(name, process, out, termination)
        return started

    def send(self, name: str, signal_name: str) -> None:
        """Send a signal to a start that runs."""
        self.starts[name].process.send_signal(signal.Signals[signal_name])

    # --- the server ---

    def serve(self, action: str) -> None:
        """Stop, kill or start the private server."""
        assert self.instance, "only a private server can be stopped and started"
        {"stop": self.instance.stop, "kill": self.instance.kill, "start": self.instance.start}[action]()

    def sql(self, statements: tuple[str, ...], session: str, account: str) -> None:
        """Run statements: in a session of that name, which stays open, or as root in one that ends with them."""
        with contextlib.ExitStack() as stack:
            if session:
                connection = self._sessions.get(session) or self.database.connect(*self.accounts.get(account, ()))
                self._sessions[session] = connection
            else:
                connection = stack.enter_context(self._connection())
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(self.filled(statement))
                    cursor.fetchall()

    def close_session(self, name: str) -> None:
        """End a session, with all that it holds."""
        self._sessions.pop(name).close()

    def rows(self, query: str) -> list[list[Any]]:
        """What the server answers."""
        with self._connection() as connection, connection.cursor() as cursor:
            cursor.execute(self.filled(query))
            return [list(row) for row in cursor.fetchall()]

    @property
    def idle(self) -> bool:
        """Has every start ended, and does the server run?"""
        running = any(start.process.poll() is None for start in self.starts.values())
        return not running and (self.instance is None or self.instance.pid is not None)

    def shadow_is_there(self) -> bool:
        """Has a start left its shadow behind?"""
        return [self.database.shadow] in self.rows("SHOW DATABASES")

    def objects(self) -> list[str]:
        """Kind and name of all that is in the schema, less what is schemagate's own."""
        return sorted(f"{kind} {name}" for _, kind, name, _ in self._objects() if not name.startswith("schemagate_"))

    def journal(self) -> list[str]:
        """The entries in the order in which they were begun, as in "01_shop:1 applied"."""
        query = "SELECT CONCAT(migration, ':', ordinal, ' ', outcome) FROM {database}.schemagate_journal ORDER BY id"
        try:
            return [entry for (entry,) in self.rows(query)]
        except pymysql.MySQLError as error:
            if error.args[0] in NO_SUCH:
                return []
            raise

    def picture(self, *, whole: bool) -> dict[str, str]:
        """What a start that touches nothing leaves as it is: objects, rows; with `whole`, ours and the schemas too."""
        facts = {
            f"{kind} {name}": how
            for _, kind, name, how in self._objects()
            if whole or not name.startswith("schemagate_")
        }
        if whole:
            facts["schemas"] = str([name for (name,) in self.rows("SHOW DATABASES") if self._is_ours(name)])
        return facts

    def _is_ours(self, schema: str) -> bool:
        return schema.startswith(self.database.name) or schema == self.database.shadow

    def runs_a_statement(self, pattern: str) -> bool:
        """Does some session in the schema run a statement with such a text?"""
        query = "SELECT info FROM information_schema.processlist WHERE db = '{database}' AND id <> CONNECTION_ID()"
        return any(not wrong(pattern, str(text)) for (text,) in self.rows(query))

    def a_start_lives(self) -> bool:
        """Does some session hold `alive`? That of a killed start does until the server has seen that it is gone."""
        return bool(self.rows(f"SELECT IS_USED_LOCK('{alive_name(self.database.name)}') IS NOT NULL")[0][0])

    def _objects(self) -> Iterator[tuple[str, str, str, str]]:
        try:
            with self._connection() as connection:
                yield from objects(connection, self.database.name)
        except pymysql.MySQLError as error:
            if error.args[0] not in NO_SUCH:
                raise

    def _connection(self) -> Connection:
        try:
            return self.server.connect(self.database.name)
        except pymysql.MySQLError as error:
            if error.args[0] not in NO_SUCH:
                raise
            return self.server.connect()

    def close(self) -> None:
        """End what still runs, with its last words lost."""
        for start in self.starts.values():
            if start.process.poll() is None:
                start.process.kill()
                start.process.wait()


def until(condition: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    """Look every few milliseconds whether it is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.01)


def private_database(instance: Instance) -> Database:
    """A schema on a server that is gone after the test with all that is on it."""
    return Database(instance.server(), f"test_{secrets.token_hex(5)}")
