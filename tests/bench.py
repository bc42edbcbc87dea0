"""`make bench`: how fast a start is, as ratios to the client of the server, taken in one run; `docs/performance.md`.

    servers.py run --on-disk mysql -- bench.py [--rounds N] [--only WORD] [--long]

Ours and theirs take turns, so that a busy machine slows both; a ratio is the median of those of the rounds. Says of
each aim whether it is met, and ends with 0 in any case: a machine that others use proves nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import secrets
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path

if __name__ == "__main__":  # run by path: the package `tests` is found from the root of the checkout
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from tests import debroot
from tests.databases import quoted
from tests.instances import Instance
from tests.packages import CACHE, choose_like, prepare
from tests.reach import VARIABLE, Server, from_json

ROOT = Path(__file__).resolve().parents[1]
# What the image holds beside the package itself; `cryptography` and what it needs is there, and should not be imported.
PACKAGES = ("PyMySQL", "structlog", "tenacity", "cryptography", "cffi", "pycparser")
LAZY = ("-X", "lazy_imports=all", "-E", "-s", "-S")


@dataclass(frozen=True, slots=True)
class Ran:
    """One process: wall clock and processor time in seconds, and the most memory that it had, in MB."""

    seconds: float
    cpu_seconds: float
    peak_mb: float


def run(argv: Sequence[str], environment: dict[str, str], stdin: Path | None = None) -> Ran:
    """Run it to its end, which has to be a good one."""
    with open(stdin or os.devnull, "rb") as source, tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as out:
        began = time.perf_counter()
        process = subprocess.Popen(argv, env=environment, stdin=source, stdout=out, stderr=errors)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            for stream in (out, errors):
                stream.seek(0)
                sys.stderr.write(stream.read().decode(errors="replace")[-3000:])
            raise SystemExit(f"bench: {shlex.join(argv)} ended with {process.returncode}")
    return Ran(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6)


@dataclass(slots=True)
class Duel:
    """Ours against theirs, round by round."""

    title: str
    aim: float | None
    ours: list[Ran] = field(default_factory=list)
    theirs: list[Ran] = field(default_factory=list)

    def fight(self, rounds: int, ours: Callable[[], Ran], theirs: Callable[[], Ran], *, warm_up: bool = True) -> Duel:
        """So many rounds, and one before them that does not count; who goes first changes each time."""
        for number in range(0 if warm_up else 1, rounds + 1):
            for side, one in [(self.ours, ours), (self.theirs, theirs)][:: 1 if number % 2 else -1]:
                took = one()
                if number:
                    side.append(took)
        return self

    def line(self) -> str:
        """The result, in one line."""
        ratios = sorted(ours.seconds / theirs.seconds for ours, theirs in zip(self.ours, self.theirs, strict=True))
        median = statistics.median(ratios)
        ours, theirs = (statistics.median(one.seconds for one in side) for side in (self.ours, self.theirs))
        cpu = statistics.median(one.cpu_seconds for one in self.ours)
        verdict = "" if self.aim is None else f"  aim {self.aim:g}: {'met' if median <= self.aim else 'NOT met'}"
        return (
            f"{self.title:58} {median:5.2f} times ({ratios[0]:.2f} to {ratios[-1]:.2f} in {len(ratios)} rounds; "
            f"{shown(ours)} : {shown(theirs)}, of ours {shown(cpu)} processor){verdict}"
        )


def shown(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 10 else f"{seconds:.1f} s"


class Bench:
    """The server, the ways to run the program, and a place for files."""

    def __init__(self, server: Server, directory: Path, rounds: int | None) -> None:
        self.server, self.directory, self._rounds = server, directory, rounds
        self.pythons = {"": [sys.executable, str(ROOT / "entrypoint.py")]}
        for folder in ("schemagate",):
            subprocess.run([sys.executable, "-m", "compileall", "-q", str(ROOT / folder)], check=True)
        try:
            self.pythons = {"Python 3.15, lazy imports": image(directory)} | self.pythons
        except (debroot.UnpackFailed, subprocess.CalledProcessError, OSError) as failure:
            print(f"Python 3.15 is not to be had here, so {sys.version.split()[0]} stands in: {failure}")
        self.program = next(iter(self.pythons.values()))

    def rounds(self, usual: int) -> int:
        return self._rounds or usual

    def environment(self, database: str, migrations: Path, server: Server | None = None) -> dict[str, str]:
        """All that a process of either side is told."""
        where = server or self.server
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "MYSQL_PWD": where.password,
            "MYSQL_HOST": where.host,
            "MYSQL_PORT": str(where.port),
            "MYSQL_USER": where.user,
            "MYSQL_PASSWORD": where.password,
            "MYSQL_DATABASE": database,
            "SCHEMAGATE_MIGRATIONS": str(migrations),
            "SCHEMAGATE_TLS": "required",
        }

    @contextlib.contextmanager
    def schema(self) -> Iterator[str]:
        """An empty schema with a name of its own, dropped afterwards."""
        name = f"bench_{secrets.token_hex(4)}"
        with self.server.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {quoted(name)} CHARACTER SET utf8mb4")
            try:
                yield name
            finally:
                cursor.execute(f"DROP DATABASE IF EXISTS {quoted(name)}")

    def ours(self, migrations: Path) -> Ran:
        """One start on an empty schema."""
        with self.schema() as name:
            return run(self.program, self.environment(name, migrations))

    def theirs(self, sql: Path) -> Ran:
        """The file, piped through the client into an empty schema."""
        with self.schema() as name:
            return run(self.server.client_command(name), self.environment(name, ROOT / "migrations"), sql)


def image(directory: Path) -> list[str]:
    """The words that run the program as the container image does: Python 3.15, compiled, with lazy imports."""
    python = shlex.split(
        subprocess.run(
            [sys.executable, str(ROOT / "tests/servers.py"), "python3.15"], check=True, capture_output=True, text=True
        ).stdout
    )
    wanted = [f"{name}=={version(name)}" for name in PACKAGES]

    def install(partial: Path) -> None:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--only-binary=:all:"]
        only = ["--python-version", "3.15", "--implementation", "cp", "--target", str(partial / "site")]
        subprocess.run([*pip, *only, *wanted], check=True, stderr=subprocess.DEVNULL)
        library = Path(python[-1]).parents[1] / "lib/python3.15"
        subprocess.run([*python, "-m", "compileall", "-q", str(library)], stdout=subprocess.DEVNULL, check=False)

    site = debroot.once(CACHE / "-".join(["packages", *(word.partition("==")[2] for word in wanted)]), install) / "site"
    app = directory / "app"
    shutil.copytree(site, app, symlinks=True)
    shutil.copytree(ROOT / "schemagate", app / "schemagate", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "entrypoint.py", app)
    subprocess.run([*python, "-m", "compileall", "-q", str(app)], stdout=subprocess.DEVNULL, check=False)
    return [*python, *LAZY, str(app / "entrypoint.py")]


# --- what is measured ---


def nothing_to_do(bench: Bench) -> Iterator[Duel]:
    """A start that finds all as it was, against the shortest question that one can ask, both over TLS."""
    with bench.schema() as name:
        environment = bench.environment(name, ROOT / "migrations")
        run(bench.program, environment)
        question = bench.server.client_command(None, "-e", "SELECT 1")
        for label, program in bench.pythons.items():
            title = f"a start with nothing to do : SELECT 1{f' ({label})' if label else ' (this Python)'}"
            yield Duel(title, 4.0 if program is bench.program else None).fight(
                bench.rounds(31),
                lambda program=program: run(program, environment),  # type: ignore[misc]
                lambda: run(question, environment),
            )


def many_tables(bench: Bench) -> Iterator[Duel | str]:
    """A start that finds 2,000 tables as they were, against a client that only reads how they are made."""
    folder, reading = bench.directory / "tables", bench.directory / "reading.sql"
    folder.mkdir()
    columns = ", ".join(f"c{number} VARCHAR(100) NOT NULL DEFAULT ''" for number in range(8)) + ", KEY by_c (c1, c2)"
    names = [f"t{number:04}" for number in range(2_000)]
    folder.joinpath("1_tables.sql").write_text(
        "".join(f"CREATE TABLE {name} (id BIGINT NOT NULL PRIMARY KEY, {columns});\n" for name in names)
    )
    reading.write_text("".join(f"SHOW CREATE TABLE {name};\n" for name in names))
    with bench.schema() as name:
        environment = bench.environment(name, folder)
        run([*bench.program, "snapshot"], environment)
        run(bench.program, environment)
        client = bench.server.client_command(name)
        duel = Duel("2,000 tables as they were : SHOW CREATE TABLE of each", None)
        duel.fight(bench.rounds(9), lambda: run(bench.program, environment), lambda: run(client, environment, reading))
    yield duel
    median = statistics.median(one.seconds for one in duel.ours)
    yield f"{'which takes':58} {shown(median):>8}  aim 2 s: {'met' if median <= 2 else 'NOT met'}"


def from_empty(bench: Bench) -> Iterator[Duel]:
    """The migrations that are shipped, with snapshot and proof, against their text in one pipe."""
    sql = piped(ROOT / "migrations", bench.directory / "shipped.sql")
    yield Duel("the shipped migrations from empty : the same SQL piped", 2.0).fight(
        bench.rounds(9), lambda: bench.ours(ROOT / "migrations"), lambda: bench.theirs(sql)
    )


def thousand(bench: Bench) -> Iterator[Duel]:
    """1,000 migrations of one statement each: one in ten changes rows (of those shipped, two in 25), then one in four.

    The others make tables, columns and indexes in equal parts. A change of rows is what costs us most beside itself, so
    that the second mixture is the harder one; the aim is the same.
    """
    rounds = bench.rounds(5)
    aim = 1.25
    for share in (10, 4):
        folder = bench.directory / f"thousand-{share}"
        folder.mkdir()
        write_thousand(folder, share)
        sql = piped(folder, bench.directory / f"thousand-{share}.sql")
        title = f"1,000 migrations, 1 in {share} changes rows : their SQL piped"
        yield Duel(title, aim).fight(rounds, partial(bench.ours, folder), partial(bench.theirs, sql))
        if share == 10:
            with bench.schema() as name:
                run([*bench.program, "snapshot"], bench.environment(name, folder))
            proof = "the same, and compared with a snapshot"
            yield Duel(proof, aim).fight(rounds, partial(bench.ours, folder), partial(bench.theirs, sql))


def write_thousand(folder: Path, share: int) -> None:
    """The migrations of `thousand`: one of `share` statements is an INSERT."""
    rows, structure = 1000 // share, 1000 - 1000 // share
    for number in range(structure // 3):
        table = f"t{number:03}"
        statements = [
            (
                f"CREATE TABLE {table} (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, title VARCHAR(200) NOT "
                "NULL, made DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP) DEFAULT CHARSET=utf8mb4 "
                "COLLATE=utf8mb4_unicode_ci"
            ),
            f"ALTER TABLE {table} ADD COLUMN state VARCHAR(20) NOT NULL DEFAULT 'new'",
            f"CREATE INDEX by_state ON {table} (state, made)",
            f"INSERT INTO {table} (title) VALUES ('one'), ('two'), ('three')",
        ]
        with_rows = (number + 1) * rows // (structure // 3) > number * rows // (structure // 3)
        for step, statement in enumerate(statements[: 4 if with_rows else 3]):
            folder.joinpath(f"{number:03}_{step}_{table}.sql").write_text(f"{statement};\n")


def million(bench: Bench) -> Iterator[str]:
    """One file of a million statements and 100 MB: memory, and the ratio to the client."""
    folder = bench.directory / "million"
    folder.mkdir()
    with folder.joinpath("1_million.sql").open("w") as file:
        file.write("CREATE TABLE t (id INT UNSIGNED NOT NULL PRIMARY KEY, words VARCHAR(200) NOT NULL);\n")
        for number in range(1_000_000):
            words = f"a row among a million of them, as long as it has to be {number:>8}"
            file.write(f"INSERT INTO t VALUES ({number}, '{words}');\n")
    size = folder.joinpath("1_million.sql").stat().st_size / 1e6
    duel = Duel(f"1,000,001 statements in {size:.0f} MB : the same SQL piped", None)
    file_of_all = folder / "1_million.sql"
    duel.fight(bench.rounds(1), lambda: bench.ours(folder), lambda: bench.theirs(file_of_all), warm_up=False)
    yield duel.line()
    yield memory_line("its memory at most", max(duel.ours, key=lambda one: one.peak_mb))


def memory(bench: Bench) -> Iterator[str]:
    """Files of 100 MB and more with statements of all lengths: the most that a start has in memory."""
    word = "word " * 1999
    with bench.server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT @@max_allowed_packet")
        longest = int((cursor.fetchone() or (0,))[0]) - 20_000
    for title, size, value in (
        ("of 1 MB", 1_000_000, word),
        ("of 4 MB with emoji", 4_000_000, word + "😀"),
        ("of 4 MB of nothing but emoji", 4_000_000, "😀" * 2500),
        (f"of {longest / 1e6:.0f} MB with emoji, as long as the server takes", longest, word + "😀"),
    ):
        count = max(1, 100_000_000 // size)
        yield applied(bench, f"{count} statement{'s' if count > 1 else ''} {title}", inserts(count, size, value))


def inserts(count: int, size: int, value: str) -> Iterator[str]:
    """So many statements of about that size, row by row: to Linux, what we had in memory is what our child had."""
    rows = size // (len(f"({0:9}, '{value}'),".encode()))
    for first in range(0, count * rows, rows):
        yield f"INSERT INTO t VALUES ({first:9}, '{value}')"
        for number in range(first + 1, first + rows):
            yield f",({number:9}, '{value}')"
        yield ";\n"


def millions(bench: Bench) -> Iterator[str]:
    """Three million statements, as short as they can be and do something: the most that a start has in memory."""
    statements = (f"INSERT INTO t VALUES({number},'');\n" for number in range(3_000_000))
    yield applied(bench, "3,000,000 short statements", statements)


def applied(bench: Bench, title: str, text: Iterator[str]) -> str:
    folder = Path(tempfile.mkdtemp(dir=bench.directory))
    with folder.joinpath("1_words.sql").open("w", encoding="utf-8") as file:
        file.write("CREATE TABLE t (id INT UNSIGNED NOT NULL PRIMARY KEY, word VARCHAR(10000) NOT NULL);\n")
        file.writelines(text)
    with bench.schema() as name:
        ran = run(bench.program, bench.environment(name, folder))
        folder.joinpath("2_more.sql").write_text("INSERT INTO t VALUES (4000000000, 'more');\n")
        again = run(bench.program, bench.environment(name, folder))
    shutil.rmtree(folder)
    line = memory_line(f"{title}: memory at most", max(ran, again, key=lambda one: one.peak_mb))
    return f"{line}  ({ran.peak_mb:.0f} when they are run, {again.peak_mb:.0f} in a later start; {shown(ran.seconds)})"


def memory_line(title: str, ran: Ran) -> str:
    return f"{title:58} {ran.peak_mb:5.0f} MB  aim 100: {'met' if ran.peak_mb < 100 else 'NOT met'}"


def gate_opens(bench: Bench) -> Iterator[str]:
    """From the first login that a server accepts to the end of a start that was waiting for it."""
    spec = choose_like(bench.server.label)
    instance = Instance(spec, prepare([spec])[spec.label], bench.directory / "server")
    delays = []
    try:
        instance.start()
        server = instance.server()
        with server.connect() as connection, connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE waited_for CHARACTER SET utf8mb4")
        environment = bench.environment("waited_for", ROOT / "migrations", server)
        run(bench.program, environment)
        for _ in range(bench.rounds(9)):
            instance.stop()
            delays.append(waited(bench.program, environment, instance))
    finally:
        instance.remove()
    median = statistics.median(delays)
    yield (
        f"{'from the first login accepted to the gate open':58} {median * 1000:5.0f} ms ({shown(min(delays))} to "
        f"{shown(max(delays))} in {len(delays)} rounds)  aim 150: {'met' if median <= 0.15 else 'NOT met'}"
    )


def waited(program: Sequence[str], environment: dict[str, str], instance: Instance) -> float:
    """Seconds. The program waits already when the server is started; another process tries to log in all the time."""
    probe = subprocess.Popen(
        [sys.executable, "-c", PROBE, instance.server().host, str(instance.port), instance.password],
        stdout=subprocess.PIPE,
        text=True,
    )
    gate = subprocess.Popen(program, env=environment, stdout=subprocess.DEVNULL)
    time.sleep(0.5)
    instance.spawn()
    code = gate.wait(120)
    opened = time.clock_gettime(time.CLOCK_MONOTONIC)
    accepted = float(probe.communicate(timeout=120)[0])
    instance.wait()
    if code:
        raise SystemExit(f"bench: a start that waited ended with {code}")
    return opened - accepted


PROBE = """
import sys, time, pymysql
host, port, password = sys.argv[1:]
while True:
    try:
        pymysql.connect(host=host, port=int(port), user="root", password=password).close()
        break
    except Exception:
        time.sleep(0.005)
print(time.clock_gettime(time.CLOCK_MONOTONIC))
"""


def piped(folder: Path, target: Path) -> Path:
    """All migrations of a folder as one text."""
    files = sorted(path for path in folder.glob("*.sql") if path.name != "schema.sql")
    target.write_text("\n".join(path.read_text("utf-8") for path in files), "utf-8")
    return target


MEASURES: dict[str, Callable[[Bench], Iterator[Duel | str]]] = {
    "nothing": nothing_to_do,
    "tables": many_tables,
    "shipped": from_empty,
    "thousand": thousand,
    "wait": gate_opens,
    "million": million,
    "memory": memory,
    "millions": millions,
}
TAKE_LONG = frozenset({"million", "memory", "millions"})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, help="in place of the usual number of each")
    parser.add_argument("--only", choices=MEASURES, action="append", help="this one (may be given again)")
    parser.add_argument("--long", action="store_true", help="the files of 100 MB, too: many minutes")
    arguments = parser.parse_args()
    server = from_json(os.environ[VARIABLE])[0]
    with tempfile.TemporaryDirectory(prefix="schemagate-bench-") as directory:
        bench = Bench(server, Path(directory), arguments.rounds)
        print(f"{server.label}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}", flush=True)
        for word, measure in MEASURES.items():
            if word in arguments.only if arguments.only else arguments.long or word not in TAKE_LONG:
                for result in measure(bench):
                    print(result if isinstance(result, str) else result.line(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
