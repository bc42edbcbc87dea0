"""A start takes as much memory as its longest statement is long, and hardly more for a longer file.

The most that the real program had in memory, as the kernel says it, and the difference to a start with next to nothing
to do. From this follows that a file of 100 MB is applied with less than 100 MB: the program itself takes some 30 MB,
the longest statement that MySQL accepts by default 67 MB, and how many statements there are makes no difference. To try
it in full size: `tests/bench.py --only memory`, see docs/performance.md.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from tests.databases import Database

ROOT = Path(__file__).resolve().parents[2]
MB = 1_000_000
TABLE = "CREATE TABLE words (id INT UNSIGNED NOT NULL PRIMARY KEY, word VARCHAR(12000) NOT NULL) CHARSET=utf8mb4;\n"
PLAIN = "word " * 1000
# One such character, and Python has the text around it with four bytes for each of its letters.
WIDE = "word " * 999 + "😀!"
ASKING = """
import os, sys
_, status, used = os.wait4(os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ), 0)
print(used.ru_maxrss, file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status))
"""
FULL_PACKET = (1 << 24) - 2  # bytes; with that, one more packet has to follow, which is empty


def peak_of_a_start(database: Database, migrations: Path) -> int:
    """Bytes: the most that the real program had in memory, from its begin to its end, which is to be a good one.

    A small process runs it and asks: to Linux, what a process had before it became another program counts.
    """
    environment = {
        "PATH": os.environ["PATH"],
        "MALLOC_MMAP_THRESHOLD_": "131072",  # the C library grows a buffer in place, and never by a copy
        **database.environment(),
        "SCHEMAGATE_MIGRATIONS": str(migrations),
        "SCHEMAGATE_LOG_FORMAT": "json",
    }
    ran = subprocess.run(
        [sys.executable, "-S", "-c", ASKING, sys.executable, str(ROOT / "entrypoint.py")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-3000:]
    return int(ran.stderr) * 1024


def written(folder: Path, statements: Iterable[str]) -> Path:
    """A directory with one migration, which makes the table and then runs the statements."""
    folder.joinpath("migrations").mkdir(parents=True)
    with folder.joinpath("migrations/1_words.sql").open("w", encoding="utf-8") as file:
        file.write(TABLE)
        file.writelines(f"{statement};\n" for statement in statements)
    return folder / "migrations"


def insert(ids: Iterator[int], size: int, word: str) -> str:
    """A statement of exactly so many bytes: rows with the word, and a last one that fills up."""
    head, row = "INSERT INTO words VALUES ", "({:9}, '{}')"
    length = len(row.format(0, word).encode()) + 1
    count, rest = divmod(size - len(head), length)
    rows = [row.format(next(ids), word) for _ in range(count - 1)]
    rows.append(row.format(next(ids), word + "x" * (rest + 1)))
    return head + ",".join(rows)


def test_a_long_statement_is_in_memory_once(database: Database, tmp_path: Path) -> None:
    """A file with statements of 1 MB, of 4 MB with emoji, and two of 20 MB with emoji, or as long as the server allows.

    The 14 MB are for what a start takes beside them: chunks, packets, the modules that it imports for statements.
    """
    ids = iter(range(1_000_000_000))
    longest = min(20 * MB, database.value("SELECT @@max_allowed_packet") - 1000)
    sizes = [*[(MB, PLAIN)] * 5, (4 * MB, WIDE), (FULL_PACKET, PLAIN), (longest, WIDE), (longest, WIDE)]
    base = peak_of_a_start(database, written(tmp_path / "base", []))
    database.run("DROP TABLE words, schemagate_journal, schemagate_starts, schemagate_verified")
    statements = [insert(ids, size, word) for size, word in sizes]
    assert [len(statement.encode()) for statement in statements] == [size for size, _ in sizes]
    peak = peak_of_a_start(database, written(tmp_path / "long", statements))
    assert peak - base < longest + 14 * MB
    assert peak < 100 * MB
    rows, characters = database.rows("SELECT COUNT(*), SUM(CHAR_LENGTH(word)) FROM words")[0]
    assert rows == next(ids)
    assert characters == sum(len(part) for statement in statements for part in statement.split("'")[1::2])


def test_a_statement_more_takes_no_memory(database: Database, tmp_path: Path) -> None:
    """Less than 500 bytes for each of 10,000: alone, in a transaction, and once they are history."""

    def statements(count: int) -> Iterator[str]:
        some = (f"INSERT INTO words VALUES ({number}, '{PLAIN[:200]}')" for number in range(count))
        others = (f"INSERT INTO words VALUES ({number}, '{PLAIN[:200]}')" for number in range(count, 2 * count))
        return chain(some, ["START TRANSACTION"], others, ["COMMIT"])

    def peaks(count: int) -> tuple[int, int]:
        migrations = written(tmp_path / f"{count}", statements(count))
        first = peak_of_a_start(database, migrations)
        migrations.joinpath("2_more.sql").write_text("INSERT INTO words VALUES (100000, 'more');\n")
        second = peak_of_a_start(database, migrations)
        database.run("DROP TABLE words, schemagate_journal, schemagate_starts, schemagate_verified")
        return first, second

    for few, many in zip(peaks(600), peaks(5600), strict=True):
        assert many - few < 10_000 * 500
