"""One schema in which a story is told, the starts in it, and the judgement of how it is there afterwards."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pymysql

from schemagate.lock import alive_name, lock_name
from tests.crash import picture
from tests.crash.picture import Picture
from tests.crash.starts import Start, Starter
from tests.crash.stories import Chapter, Story
from tests.databases import SHADOW, quoted
from tests.instances import Instance
from tests.reach import Server

if TYPE_CHECKING:
    from tests.reach import Connection

PATIENCE_SECONDS = 240.0  # for one start: a machine may be busy, but a start that hangs does so for ever
LEFT_SECONDS = 10.0  # so long a session may take to end with its client


@dataclass(frozen=True, slots=True)
class Place:
    """Where scenes are: the server, what begins starts, and a folder; and the server itself, where it may be killed."""

    server: Server
    starter: Starter
    folder: Path
    instance: Instance | None = None


class Wrong(Exception):
    """Not what was promised."""


class Scene:
    """One schema, one folder of migrations, and the starts in it; nothing of it is left at the end of `with`."""

    def __init__(self, place: Place, story: Story) -> None:
        self.place, self.story = place, story
        self.name = f"crash_{secrets.token_hex(5)}"
        self.folder = place.folder / self.name
        self.migrations = self.folder / "migrations"
        self.told: list[str] = []  # the statements of all chapters so far
        self._count = 0
        self._starts: list[Start] = []
        self._own: Connection | None = None
        self._blocker: Connection | None = None

    def __enter__(self) -> Scene:
        self.migrations.mkdir(parents=True)
        self.sql(f"CREATE DATABASE {quoted(self.name)} CHARACTER SET utf8mb4")
        return self

    def prepare(self, template: str | None = None) -> None:
        """What was there before the first chapter; `template` is the schema that has the many rows."""
        if self.story.before:
            Chapter("before", self.story.before).write(self.migrations)
            self.undisturbed()
        if template:
            self.sql(f"INSERT INTO big SELECT * FROM {quoted(template)}.big")

    def turn_to(self, chapter: Chapter, snapshot: bytes | None) -> None:
        """The image of that chapter: its files beside those of the others, and its snapshot in place of theirs."""
        chapter.write(self.migrations)
        if snapshot is not None:
            self.migrations.joinpath("schema.sql").write_bytes(snapshot)
        self.told += chapter.labels

    def __exit__(self, *error: object) -> None:
        for start in self._starts:
            start.kill()
        self.unblock()
        self._end_sessions()
        self.sql("SET SESSION lock_wait_timeout = 20, foreign_key_checks = 0")
        for name in (self.name, self.shadow):
            self.sql(f"DROP DATABASE IF EXISTS {quoted(name)}")
        assert self._own
        self._own.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def shadow(self) -> str:
        """The name of its shadow."""
        return SHADOW + hashlib.sha256(self.name.encode()).hexdigest()[:16]

    # --- sessions ---

    def _end_sessions(self) -> None:
        for (thread,) in self.sessions():
            with contextlib.suppress(Exception):
                self.sql(f"KILL {thread}")

    def sessions(self) -> tuple[tuple[object, ...], ...]:
        """The sessions in the schema or its shadow, but for our own."""
        own = self.sql(
            "SELECT id FROM information_schema.processlist WHERE db IN (%s, %s) AND id <> CONNECTION_ID()",
            self.name,
            self.shadow,
        )
        return tuple(own)

    def sql(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        """Rows, in a session of our own that finds its way back to a server that was killed."""
        with self._session().cursor() as cursor:
            if not statement.startswith(("SELECT", "KILL", "SET", "CREATE DATABASE", "DROP DATABASE")):
                cursor.execute(f"USE {quoted(self.name)}")
            cursor.execute(statement, values or None)
            return list(cursor.fetchall())

    def _session(self) -> Connection:
        if self._own is not None:
            with contextlib.suppress(pymysql.MySQLError):
                self._own.ping(reconnect=False)
                return self._own
            with contextlib.suppress(pymysql.MySQLError):
                self._own.close()
        self._own = self.place.server.connect(ssl_disabled=True)
        return self._own

    def picture(self) -> Picture:
        """The schema and its rows as they are now."""
        with contextlib.closing(self.place.server.connect(ssl_disabled=True)) as connection:
            return picture.take(connection, self.name)

    def block(self, table: str) -> None:
        """A transaction that somebody forgot: whatever changes that table has to wait for it."""
        self._blocker = self.place.server.connect(self.name, ssl_disabled=True, autocommit=False)
        with self._blocker.cursor() as cursor:
            cursor.execute(f"SELECT COUNT(*) FROM {quoted(table)}")

    def unblock(self) -> None:
        """It is remembered, and ended."""
        if self._blocker:
            self._blocker.close()
            self._blocker = None

    # --- starts ---

    def environment(self, port: int | None = None) -> dict[str, str]:
        server = self.place.server
        return {
            "PATH": "/usr/bin:/bin",
            "MYSQL_HOST": server.host,
            "MYSQL_PORT": str(port or server.port),
            "MYSQL_DATABASE": self.name,
            "MYSQL_USER": server.user,
            "MYSQL_PASSWORD": server.password,
            "SCHEMAGATE_TLS": "off",
            "SCHEMAGATE_MIGRATIONS": str(self.migrations),
            "SCHEMAGATE_LOG_FORMAT": "json",
            "SCHEMAGATE_TERMINATION_LOG": "",
            "SCHEMAGATE_SHADOW": "auto" if self.story.shadow else "off",
            "SCHEMAGATE_LOCK_SECONDS": "30",
            "SCHEMAGATE_WAIT_SECONDS": "30",
        }

    def begin(self, port: int | None = None, *words: str) -> Start:
        """Begin a start, through a relay on that port or right at the server."""
        self._count += 1
        out = self.folder / f"start-{self._count}"
        start = self.place.starter.begin(words or ["up"], self.environment(port), out)
        self._starts.append(start)
        return start

    def ended(self, start: Start) -> int:
        """The exit code. Raises Wrong for a start that hangs."""
        code = start.wait(PATIENCE_SECONDS)
        if code is None:
            raise Wrong(f"a start did not end within {PATIENCE_SECONDS:g} s and said\n{start.text[-1500:]}")
        return code

    def undisturbed(self, port: int | None = None) -> None:
        """A start that nobody interrupts. Raises Wrong where it does not open the gate."""
        start = self.begin(port)
        if code := self.ended(start):
            raise Wrong(f"an undisturbed start ended with {code}:\n{start.text[-1500:]}")

    # --- the judgement ---

    def judge(self, expected: Picture) -> None:
        """Is everything as in the undisturbed run, each statement applied once, and nothing left behind?"""
        if found := picture.differences(expected, self.picture()):
            raise Wrong("; ".join(found))
        rows = self.sql(
            "SELECT CONCAT(migration, ':', ordinal), SUM(outcome = 'applied'), SUM(outcome = 'begun') "
            f"FROM {quoted(self.name)}.schemagate_journal GROUP BY migration, ordinal"
        )
        told = {str(label): (int(str(applied)), int(str(begun))) for label, applied, begun in rows}
        if odd := {label: told.get(label) for label in self.told if told.get(label) != (1, 0)}:
            raise Wrong(f"the journal has (applied, begun) {odd}")
        self.judge_what_is_left()
        if not self.sql(f"SELECT 1 FROM {quoted(self.name)}.schemagate_verified"):
            raise Wrong("the proof was not remembered")

    def judge_what_is_left(self) -> None:
        """Nothing that only a start may have: a shadow, a session, a lock."""
        if (self.shadow,) in self.sql("SELECT schema_name FROM information_schema.schemata"):
            raise Wrong("the shadow is left")
        until = time.monotonic() + LEFT_SECONDS
        while left := [*self.sessions(), *self._locks()]:
            if time.monotonic() > until:
                raise Wrong(f"sessions or locks are left: {left}")
            time.sleep(0.02)

    def _locks(self) -> list[str]:
        names = (lock_name(self.name), alive_name(self.name))
        (holders,) = self.sql("SELECT IS_USED_LOCK(%s), IS_USED_LOCK(%s)", *names)
        return [name for name, holder in zip(names, holders, strict=True) if holder is not None]
