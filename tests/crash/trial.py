"""One trial: a story is interrupted at a point, then started again until it ends; and the judgement of that end."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pymysql

from schemagate.lock import alive_name, lock_name
from tests.crash import picture
from tests.crash.picture import Picture
from tests.crash.relay import Exchange, Relay
from tests.crash.starts import Start, Starter
from tests.crash.statements import BIG, Variant
from tests.databases import SHADOW, quoted
from tests.instances import Instance
from tests.reach import Server

if TYPE_CHECKING:
    from tests.reach import Connection

PATIENCE_SECONDS = 60.0
MOST_STARTS = 6
STALL_SECONDS = 0.3
LEFT_SECONDS = 3.0  # so long a session may take to end with its client
BLOCKED_SECONDS = 0.8
# How the start that is interrupted may end: killed, done in spite of all, "start again later", or by asking.
MAY_END = frozenset({-9, 0, 20, 21, 22, 31})
MAY_AGAIN = frozenset({20, 21, 22})


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens, and where: at a moment of the exchange with that number, or of that statement ("20_alter:3").

    `after` is how many seconds it waits there, for what happens in the middle of a statement.
    """

    action: str  # kill, drop, reset, stall, server
    moment: str
    place: int | str
    after: float = 0.0

    def __str__(self) -> str:
        return f"{self.action}@{self.moment}@{self.place}" + (f"@{self.after:g}" if self.after else "")

    @classmethod
    def parse(cls, text: str) -> Fault:
        """The fault of that name."""
        action, moment, place, *after = text.split("@")
        return cls(action, moment, int(place) if place.isdigit() else place, float(after[0]) if after else 0.0)


@dataclass(frozen=True, slots=True)
class Reference:
    """The story without interruption: the conversation, and the schema with its rows as others see them right before
    and right after each statement.
    """

    said: tuple[Exchange, ...]
    before: Mapping[str, Picture]
    after: Mapping[str, Picture]
    ends: Picture
    seconds: Mapping[str, float]


@dataclass(slots=True)
class Outcome:
    """How a trial ended: equal, asked, refused, wrong, or missed (the point was not reached)."""

    end: str
    why: str = ""
    hit: str = ""  # what was said at the point
    asked: str = ""  # which statement was asked about, or refused
    codes: list[int | None] = field(default_factory=list)


class Wrong(Exception):
    """Not what was promised."""


class Stage:
    """A server on which stories are told, each in a schema of its own. Several threads may use one stage."""

    def __init__(self, server: Server, starter: Starter, folder: Path, instance: Instance | None = None) -> None:
        self.server, self.starter, self.folder, self.instance = server, starter, folder, instance
        self.restarter = ThreadPoolExecutor(1)  # a server dies with the thread that started it: this one stays
        self._templates: list[str] = []
        self._template_lock = threading.Lock()
        self._references: dict[str, Reference] = {}
        self._snapshots: dict[str, Path] = {}
        self._lock = threading.RLock()  # a reference needs a snapshot

    def reference(self, variant: Variant) -> Reference:
        """The undisturbed run, which is made once."""
        with self._lock:
            if variant.name not in self._references:
                self._references[variant.name] = self._undisturbed(variant)
            return self._references[variant.name]

    def _undisturbed(self, variant: Variant) -> Reference:
        with Scene(self, variant) as scene:
            labels = {variant.text(label): label for label in variant.labels}
            before: dict[str, Picture] = {}
            after: dict[str, Picture] = {}
            seconds: dict[str, float] = {}
            sent = 0.0

            def look(_relay: Relay, exchange: Exchange, moment: str) -> None:
                nonlocal sent
                if not exchange.live or exchange.text not in labels:
                    return
                if moment == "before":
                    before[labels[exchange.text]] = scene.picture()
                elif moment == "sent":
                    sent = time.monotonic()
                elif moment == "done":
                    seconds[labels[exchange.text]] = time.monotonic() - sent
                    after[labels[exchange.text]] = scene.picture()

            with Relay(self.server.host, self.server.port, look) as relay:
                start = scene.begin(relay.port)
                code = start.wait(PATIENCE_SECONDS)
                assert code == 0, f"the undisturbed run ends with {code}:\n{start.text}"
                said = tuple(relay.said)
            assert list(after) == list(variant.labels), f"{set(variant.labels) - set(after)} was not seen"
            return Reference(said, before, after, scene.picture(), seconds)

    def template(self, rows: int) -> str:
        """A schema with the table `big` of so many rows, made once."""
        name = f"crash_template_{rows}"
        with self._template_lock, contextlib.closing(self.server.connect(ssl_disabled=True)) as connection:
            if name not in self._templates:
                with connection.cursor() as cursor:
                    cursor.execute(f"DROP DATABASE IF EXISTS {name}")
                    cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
                    cursor.execute(f"USE {name}")
                    cursor.execute(BIG[0])
                    cursor.execute("INSERT INTO big VALUES (1, 1, 'word number 1')")
                    have = 1
                    while have < rows:
                        cursor.execute(
                            f"INSERT INTO big SELECT id + {have}, (id * 7919) % 1000, CONCAT('word number ', id)"
                            f" FROM big WHERE id <= {rows - have}"
                        )
                        have = min(2 * have, rows)
                self._templates.append(name)
        return name

    def close(self) -> None:
        """Drop what was made once."""
        with contextlib.closing(self.server.connect(ssl_disabled=True)) as connection, connection.cursor() as cursor:
            for name in self._templates:
                cursor.execute(f"DROP DATABASE IF EXISTS {name}")
        self.restarter.shutdown()

    def snapshot(self, variant: Variant) -> Path:
        """A folder with `schema.sql` as `schemagate snapshot` writes it on this server."""
        with self._lock:
            if variant.name not in self._snapshots:
                with Scene(self, variant, prepare=False) as scene:
                    start = self.starter.begin(["snapshot"], scene.environment(), scene.folder / "snapshot")
                    assert start.wait(PATIENCE_SECONDS) == 0, start.text
                    kept = self.folder / f"snapshot-{variant.name}.sql"
                    kept.write_bytes(scene.migrations.joinpath("schema.sql").read_bytes())
                self._snapshots[variant.name] = kept
            return self._snapshots[variant.name]

    def run(self, variant: Variant, faults: tuple[Fault, ...]) -> Outcome:
        """Interrupt the story with these faults, one start each; then start until it ends, and judge."""
        reference = self.reference(variant)
        if variant.snapshot:
            self.snapshot(variant)
        outcome = Outcome("equal")
        with Scene(self, variant) as scene:
            try:
                scene.tell(faults, outcome)
                scene.go_on(reference, outcome)
                if outcome.end == "refused":
                    scene.judge_refusal(reference)
                else:
                    scene.judge(reference)
            except Wrong as wrong:
                outcome.end, outcome.why = "wrong", str(wrong)
        if outcome.end == "equal" and not outcome.hit:
            outcome.end = "missed"
        return outcome


class Scene:
    """One schema, one folder of migrations, and the starts in it; nothing of it is left at the end of `with`."""

    def __init__(self, stage: Stage, variant: Variant, *, prepare: bool = True) -> None:
        self.stage, self.variant = stage, variant
        self.name = f"crash_{secrets.token_hex(5)}"
        self.folder = stage.folder / self.name
        self.migrations = self.folder / "migrations"
        self._prepare = prepare
        self._count = 0
        self._starts: list[Start] = []
        self._own: Connection | None = None
        self._blocker: Connection | None = None

    def __enter__(self) -> Scene:
        self.migrations.mkdir(parents=True)
        self.sql(f"CREATE DATABASE {quoted(self.name)} CHARACTER SET utf8mb4")
        if self._prepare:
            for statement in self.variant.tables:
                self.sql(statement)
            if self.variant.rows:
                self.sql(f"INSERT INTO big SELECT * FROM {quoted(self.stage.template(self.variant.rows))}.big")
            self.variant.write(self.migrations, all_files=False)
            if self.variant.before:
                start = self.begin(self.stage.server.port)
                assert start.wait(PATIENCE_SECONDS) == 0, start.text
        self.variant.write(self.migrations, all_files=True)
        if self._prepare and self.variant.snapshot:
            self.migrations.joinpath("schema.sql").write_bytes(self.stage.snapshot(self.variant).read_bytes())
        return self

    def __exit__(self, *error: object) -> None:
        import shutil

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
        self._own = self.stage.server.connect(ssl_disabled=True)
        return self._own

    def picture(self) -> Picture:
        """The schema and its rows as they are now."""
        with contextlib.closing(self.stage.server.connect(ssl_disabled=True)) as connection:
            return picture.take(connection, self.name)

    # --- starts ---

    def environment(self, port: int | None = None) -> dict[str, str]:
        server = self.stage.server
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
            "SCHEMAGATE_SHADOW": "auto" if self.variant.shadow else "off",
            "SCHEMAGATE_LOCK_SECONDS": "30",
            "SCHEMAGATE_WAIT_SECONDS": "30",
        }

    def begin(self, port: int | None = None, *words: str) -> Start:
        """Begin a start, through a relay on that port or right at the server."""
        self._count += 1
        out = self.folder / f"start-{self._count}"
        start = self.stage.starter.begin(words or ["up"], self.environment(port), out)
        self._starts.append(start)
        return start

    def ended(self, start: Start) -> int:
        """The exit code. Raises Wrong for a start that hangs."""
        code = start.wait(PATIENCE_SECONDS)
        if code is None:
            raise Wrong(f"a start did not end within {PATIENCE_SECONDS:g} s and said\n{start.text[-1500:]}")
        return code

    # --- the three acts ---

    def tell(self, faults: tuple[Fault, ...], outcome: Outcome) -> None:
        """One start for each fault, through a relay that makes it."""
        for fault in faults:
            struck = Strike(self, fault)
            with Relay(self.stage.server.host, self.stage.server.port, struck) as relay:
                struck.victim = start = self.begin(relay.port)
                struck.ready.set()
                code = self.ended(start)
                outcome.codes.append(code)
                if fault.action == "stall" and struck.hit:
                    threading.Timer(STALL_SECONDS, relay.release).start()
                    self._while_stalled(outcome)
            if struck.hit:
                outcome.hit = f"{outcome.hit} | {struck.hit}".strip(" |")
            elif not outcome.hit:
                return
            struck.put_back()
            if code not in MAY_END:
                raise Wrong(f"the interrupted start ended with {code}:\n{start.text[-1500:]}")

    def _while_stalled(self, outcome: Outcome) -> None:
        """The next start comes while the server does not know yet that the first is dead."""
        start = self.begin()
        code = self.ended(start)
        outcome.codes.append(code)
        if code not in MAY_AGAIN | {0, 31}:
            raise Wrong(f"the start after a stall ended with {code}:\n{start.text[-1500:]}")

    def block(self) -> None:
        """A transaction that somebody forgot: whatever changes that table has to wait for it."""
        self._blocker = self.stage.server.connect(self.name, ssl_disabled=True, autocommit=False)
        with self._blocker.cursor() as cursor:
            cursor.execute(f"SELECT COUNT(*) FROM {quoted(self.variant.blocked)}")

    def unblock(self) -> None:
        """It is remembered, and ended."""
        if self._blocker:
            self._blocker.close()
            self._blocker = None

    def go_on(self, reference: Reference, outcome: Outcome) -> None:
        """Start again until the gate opens, and answer what is asked."""
        for _ in range(MOST_STARTS):
            start = self.begin()
            code = self.ended(start)
            outcome.codes.append(code)
            if code == 0:
                return
            if code == 31:
                outcome.end = "asked"
                outcome.asked = self._answer(start, reference)
            elif code == 11 and self.variant.may_refuse:
                outcome.end, outcome.asked = "refused", _place(start)
                return
            elif code not in MAY_AGAIN:
                raise Wrong(f"the next start ended with {code}:\n{start.text[-1500:]}")
        raise Wrong(f"no start of {MOST_STARTS} opened the gate: {outcome.codes}")

    def _answer(self, start: Start, reference: Reference) -> str:
        """Look, as a person would, and say what became of the statement; the question has to be a true one."""
        label = _place(start)
        migration, _, ordinal = label.partition(":")
        if label not in reference.after:
            raise Wrong(f"asked about {label}, which was not to be run")
        outcomes = {
            str(outcome)
            for (outcome,) in self.sql(
                f"SELECT outcome FROM {quoted(self.name)}.schemagate_journal WHERE migration = %s AND ordinal = %s",
                migration,
                ordinal,
            )
        }
        if "begun" not in outcomes:
            raise Wrong(f"asked about {label}, whose entries say {outcomes}")
        now = self.picture()
        happened, not_happened = now == reference.after[label], now == reference.before[label]
        if not happened and not not_happened:
            raise Wrong(
                f"at {label} the schema is neither the one before nor the one after: "
                + "; ".join(picture.differences(reference.after[label], now))
            )
        answer = "--applied" if happened else "--not-applied"
        said = self.begin(None, "resolve", label, answer)
        if self.ended(said):
            raise Wrong(f"resolve {label} {answer} was refused:\n{said.text[-1500:]}")
        return label

    def judge(self, reference: Reference) -> None:
        """Is everything as in the undisturbed run, each statement applied once, and nothing left behind?"""
        if found := picture.differences(reference.ends, self.picture()):
            raise Wrong("; ".join(found))
        rows = self.sql(
            "SELECT CONCAT(migration, ':', ordinal), SUM(outcome = 'applied'), SUM(outcome = 'begun') "
            f"FROM {quoted(self.name)}.schemagate_journal GROUP BY migration, ordinal"
        )
        told = {str(label): (int(str(applied)), int(str(begun))) for label, applied, begun in rows}
        if odd := {label: told.get(label) for label in self.variant.labels if told.get(label) != (1, 0)}:
            raise Wrong(f"the journal has (applied, begun) {odd}")
        self._judge_what_is_left()
        if not self.sql(f"SELECT 1 FROM {quoted(self.name)}.schemagate_verified"):
            raise Wrong("the proof was not remembered")

    def judge_refusal(self, reference: Reference) -> None:
        """What cannot be gone on with is left between two statements, and nothing is half done."""
        now = self.picture()
        if now not in (*reference.before.values(), *reference.after.values()):
            raise Wrong("refused, and the schema is in no state between two statements")
        self._judge_what_is_left()

    def _judge_what_is_left(self) -> None:
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


def _place(start: Start) -> str:
    """Which statement the last line of a start is about, as in "20_alter:3"."""
    last = start.lines[-1]
    return f"{last.get('migration') or str(last['file']).removesuffix('.sql')}:{last['ordinal']}"


class Strike:
    """The hook of a relay that makes a fault, once."""

    def __init__(self, scene: Scene, fault: Fault) -> None:
        self._scene, self._fault = scene, fault
        self._text = scene.variant.text(fault.place) if isinstance(fault.place, str) else None
        self._once = threading.Lock()
        self.victim: Start | None = None
        self.ready = threading.Event()
        self.hit = ""

    def __call__(self, relay: Relay, exchange: Exchange, moment: str) -> None:
        here = exchange.number == self._fault.place if self._text is None else self._is_it(exchange)
        if here and moment == "before" and self._scene.variant.blocked and not self.hit:
            self._scene.block()
        if not here or moment != self._fault.moment or not self._once.acquire(blocking=False):
            return
        self.hit = f"{'live' if exchange.live else 'beside'}: {' '.join(exchange.text.split())[:80]}"
        self.ready.wait(10)
        if self._fault.after:
            time.sleep(self._fault.after)
        self._act(relay)

    def _is_it(self, exchange: Exchange) -> bool:
        return exchange.live and exchange.text == self._text

    def _act(self, relay: Relay) -> None:
        assert self.victim
        if self._scene.variant.blocked:
            threading.Timer(BLOCKED_SECONDS, self._scene.unblock).start()
        match self._fault.action:
            case "kill":
                self.victim.kill()
                relay.drop()
            case "drop":
                relay.drop()
            case "reset":
                relay.reset()
            case "stall":
                relay.stall()
                threading.Timer(0.05, self.victim.kill).start()
            case "server":
                assert self._scene.stage.instance
                self._scene.stage.instance.kill()
                self._restart = self._scene.stage.restarter.submit(self._scene.stage.instance.start)
                relay.drop()
            case other:
                raise ValueError(other)

    def put_back(self) -> None:
        """What was killed runs again."""
        if self._fault.action == "server" and self.hit:
            self._restart.result(60)


@contextlib.contextmanager
def stage(server: Server, folder: Path, instance: Instance | None = None) -> Iterator[Stage]:
    """A stage on that server; `instance` is the server itself where it may be killed."""
    with Starter() as starter:
        made = Stage(server, starter, folder, instance)
        try:
            yield made
        finally:
            made.close()


def points(reference: Reference, kinds: Mapping[str, tuple[str, ...]]) -> list[Fault]:
    """Every exchange, with every action at every moment of `kinds`."""
    return [
        Fault(action, moment, exchange.number)
        for exchange in reference.said
        for action, moments in kinds.items()
        for moment in moments
    ]


# What the server sees of a start that is killed when an answer has come, and before its next request, is the same.
KILLS: Mapping[str, tuple[str, ...]] = {"kill": ("sent", "done")}
CUTS: Mapping[str, tuple[str, ...]] = dict.fromkeys(("drop", "reset", "stall"), ("before", "done"))
