"""A start is killed while it adopts a database: the next one ends where an undisturbed one does."""

from __future__ import annotations

from pathlib import Path

from tests.crash import picture
from tests.crash.relay import MOMENTS, Exchange, Relay
from tests.crash.starts import Start, Starter
from tests.database import field
from tests.database.shipped import read
from tests.databases import Database
from tests.reach import Server

POINTS = 24
MIGRATIONS = Path(__file__).resolve().parents[1] / "database" / "parts"
# There is a table of the first file, with a column of the sixth; all else is missing, and two files have rows to add.
THERE = (
    """
    CREATE TABLE customers (
        id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(100) NOT NULL, mail VARCHAR(100) NULL, born DATE NULL,
        score INT NULL, code CHAR(4) NOT NULL DEFAULT 'none'
    ) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci
    """,
    "INSERT INTO customers (id, name, mail, score) VALUES (1, 'one', 'a@b.c', 5), (2, 'two', NULL, NULL)",
)


def make(database: Database) -> None:
    """The database as it is found."""
    field.emptied(database)
    for name in ("schemagate_journal", "schemagate_starts", "schemagate_verified"):
        database.run(f"DROP TABLE IF EXISTS {name}")
    database.run(*THERE)


def test_whenever_it_is_killed_the_next_start_ends_where_it_would_have(
    server: Server, database: Database, tmp_path: Path
) -> None:
    """At points all over the conversation, before and after the server has heard and answered; and no data statement is
    run twice or left out.
    """
    database.may_leave_shadow = True
    environment = {
        **database.environment(),
        "PATH": "/usr/bin:/bin",
        "SCHEMAGATE_TLS": "off",
        "SCHEMAGATE_MIGRATIONS": str(MIGRATIONS),
        "SCHEMAGATE_LOG_FORMAT": "json",
        "SCHEMAGATE_TERMINATION_LOG": "",
    }
    with Starter() as starter:
        number = 0

        def begin(port: int) -> Start:
            nonlocal number
            number += 1
            return starter.begin(["up"], {**environment, "MYSQL_PORT": str(port)}, tmp_path / f"start-{number}")

        make(database)
        with Relay(server.host, server.port) as relay:
            start = begin(relay.port)
            assert start.wait(120) == 0, start.text
            length = len(relay.said)
        assert '"adoption.planned"' in start.text
        undisturbed = taken(database)
        for point in range(POINTS):
            place, moment = (point + 1) * length // (POINTS + 1), MOMENTS[point % len(MOMENTS)]
            make(database)
            victim: list[Start] = []

            def kill(
                _relay: Relay, exchange: Exchange, now: str, place: int = place, moment: str = moment,
                victim: list[Start] = victim,
            ) -> None:  # fmt: skip
                if (exchange.number, now) == (place, moment):
                    victim[0].kill()

            with Relay(server.host, server.port, kill) as relay:
                victim.append(begin(relay.port))
                assert victim[0].wait(120) in (-9, 0), victim[0].text
                said = relay.said[place].text if len(relay.said) > place else ""
            after = begin(server.port)
            assert after.wait(120) == 0, f"killed at {place} ({moment}) of {length}: {said:.300}\n{after.text}"
            assert picture.differences(undisturbed, taken(database)) == [], f"killed at {place} ({moment}): {said:.300}"


def taken(database: Database) -> picture.Picture:
    """The schema and its rows."""
    connection = database.connect()
    try:
        return picture.take(connection, database.name)
    finally:
        connection.close()


def test_what_is_there_at_first_is_made_of_the_migrations() -> None:
    """Else the test would try a refusal."""
    texts = [
        each.text for path in sorted(MIGRATIONS.glob("*.sql")) for each in read(path.read_text("utf-8"), path.name)
    ]
    assert sum("INSERT" in text for text in texts) >= 2
