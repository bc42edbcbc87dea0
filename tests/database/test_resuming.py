"""A start is killed between any two statements of a file: the next one ends as if nothing had been, or says why not.

Every file is run undisturbed first. Then, at each place where it goes on differently, a start is killed just before a
statement is sent, and the next start is compared with the undisturbed one, rows and all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from schemagate.sql import statements
from tests.database.gate import Gate, last
from tests.database.world import Start
from tests.databases import Database, objects, quoted
from tests.wire import Packet, RecordingProxy


@dataclass(slots=True)
class Place:
    """A schema of its own for one start that is killed, on the server of the test."""

    gate: Gate
    name: str

    def run(self, command: str = "up", expected: int | None = 0) -> Start:
        """A start in this schema, and its end."""
        start = self.gate.begin(command, MYSQL_DATABASE=self.name)
        code = start.wait()
        assert expected in (None, code), start.text
        return start

    def killed_before(self, text: bytes) -> None:
        """A start that dies when it is about to send this statement, which the server never sees."""
        server, started = self.gate.database.server, list[Start]()

        def look(packet: Packet) -> None:
            if packet.payload == text:
                started[0].process.kill()
                raise ConnectionError("the process is gone")

        with RecordingProxy(server.host, server.port, before=look) as proxy:
            there = {"MYSQL_HOST": proxy.host, "MYSQL_PORT": str(proxy.port), "SCHEMAGATE_TLS": "off"}
            started.append(self.gate.begin(environment=there, MYSQL_DATABASE=self.name))
            assert started[0].wait() == -9, started[0].text

    def goes_on(self, ordinal: int) -> Start:
        """The next start. Where it asks what became of a statement, it is told the truth: all before this is done."""
        start = self.run(expected=None)
        if last(start)["exit_code"] == 31:
            done = "--applied" if last(start)["ordinal"] < ordinal else "--not-applied"
            self.run(f"resolve {last(start)['migration']}:{last(start)['ordinal']} {done}")
            start = self.run(expected=None)
        return start

    def contents(self) -> dict[str, Any]:
        """Objects and rows, without what is schemagate's."""
        database, found = self.gate.database, dict[str, Any]()
        with database.server.connect() as connection:
            for _, kind, name, _ in objects(connection, self.name):
                if not name.startswith("schemagate_"):
                    rows = database.rows(f"SELECT * FROM {quoted(self.name)}.{quoted(name)}") if kind == "table" else ()
                    found[f"{kind} {name}"] = sorted(rows, key=str)
        return found


@pytest.fixture
def places(database: Database, tmp_path: Path) -> Iterator[Place]:
    """As many schemas as are asked for, one after the other."""

    def more() -> Iterator[Place]:
        gate = Gate(database, tmp_path)
        while True:
            yield Place(gate, database.another())

    return more()


# Before which statements it is killed.
EXACT = {
    "variables, what is prepared, and a temporary table": (
        """
        CREATE TABLE t (id INT PRIMARY KEY, n INT);
        SET @a = 5, @b = 'x';
        SET sql_mode = 'PIPES_AS_CONCAT', @c = 'INSERT INTO t VALUES (?, ?)';
        PREPARE p FROM @c;
        CREATE TEMPORARY TABLE x (id INT, n INT);
        INSERT INTO x VALUES (1, 10), (2, 20);
        INSERT INTO t SELECT id, n FROM x;
        EXECUTE p USING @a, @a;
        UPDATE x SET n = n + 1;
        ALTER TABLE x ADD COLUMN k INT NOT NULL DEFAULT 7;
        UPDATE t JOIN x AS y ON t.id = y.id SET t.n = y.n + y.k;
        DEALLOCATE PREPARE p;
        DROP TEMPORARY TABLE x;
        START TRANSACTION;
        INSERT INTO t VALUES (9, @a);
        COMMIT;
        CREATE TABLE u (word VARCHAR(10) PRIMARY KEY, mode VARCHAR(200));
        INSERT INTO u VALUES (@b || 'y', @@sql_mode);""",
        (7, 8, 9, 12, 13, 15, 18),
    ),
    "a temporary table that hides a real one and cannot be taken back": (
        """
        CREATE TABLE t (id INT PRIMARY KEY);
        INSERT INTO t VALUES (1), (2);
        CREATE TEMPORARY TABLE t (id INT) ENGINE=MyISAM;
        INSERT INTO t VALUES (3), (4);
        CREATE TABLE u SELECT id FROM t;
        DELETE FROM t WHERE id = 3;
        TRUNCATE TABLE t;
        INSERT INTO t VALUES (5);
        INSERT INTO u SELECT id FROM t;
        DROP TABLE t;
        INSERT INTO u SELECT id + 0 FROM t;""",
        (3, 6, 9, 11),
    ),
}


@pytest.mark.parametrize("case", EXACT)
def test_what_a_file_keeps_in_its_session_is_made_anew(places: Iterator[Place], case: str) -> None:
    """Wherever it was killed: objects and rows are those of a start that nobody disturbed."""
    text, ordinals = EXACT[case]
    undisturbed = next(places)
    undisturbed.gate.write(a_file=text)
    undisturbed.run()
    for statement in statements([text], "a_file.sql"):
        if statement.ordinal not in ordinals:
            continue
        place = next(places)
        place.killed_before(bytes(statement.raw))
        start = place.goes_on(statement.ordinal)
        assert last(start)["exit_code"] == 0, start.text
        assert place.contents() == undisturbed.contents(), statement.text


# What is said of a file, killed before which statement ("" where it goes on all the same); and how it is mended then.
REFUSED = {
    "what was read from rows that are changed": (
        """
        CREATE TABLE t (id INT PRIMARY KEY, n INT);
        INSERT INTO t VALUES (1, 1), (2, 2);
        SELECT MAX(id) INTO @m FROM t;
        CREATE TEMPORARY TABLE x SELECT id FROM t;
        SET @c = (SELECT COUNT(*) FROM x);
        INSERT INTO t VALUES (@m + 1, @c);
        CREATE TABLE u (id INT);
        -- mended
        INSERT INTO t SELECT id + 10, @m FROM x;
        DROP TABLE x;
        INSERT INTO u VALUES (99);""",
        {6: "", 7: "@m was set by statement 3", 8: "@m was set by statement 3", 9: ""},
        "SET @m = 2; CREATE TEMPORARY TABLE x SELECT id FROM t WHERE id < 3;",
    ),
    "the id of a row": (
        """
        CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT);
        CREATE TABLE u (id INT, parent INT);
        INSERT INTO t VALUES (DEFAULT);
        ALTER TABLE u ADD COLUMN n INT DEFAULT 1;
        INSERT INTO t VALUES (10);
        -- mended
        INSERT INTO u VALUES (1, LAST_INSERT_ID(), 2);
        INSERT INTO u VALUES (2, LAST_INSERT_ID(), 2);""",
        {3: "", **dict.fromkeys((4, 6, 7), "LAST_INSERT_ID() tells")},
        "DO LAST_INSERT_ID(1);",
    ),
    "what a procedure gave": (
        """
        CREATE TABLE t (id INT PRIMARY KEY);
        CREATE PROCEDURE p(OUT given INT) SET given = 5;
        CALL p(@a);
        CREATE TABLE u (id INT);
        -- mended
        INSERT INTO t VALUES (@a);
        SELECT 1;""",
        {3: "", 4: "@a was set by statement 3", 6: ""},
        "SET @a = 5;",
    ),
    "a table that a procedure made": (
        """
        CREATE TABLE t (id INT PRIMARY KEY);
        CREATE PROCEDURE p() CREATE TEMPORARY TABLE scratch AS SELECT 5 AS id;
        CALL p();
        -- mended
        INSERT INTO t SELECT id FROM scratch;""",
        {3: "", 4: "Statement 3 is applied, in a session that is gone"},
        "CREATE TEMPORARY TABLE scratch AS SELECT 5 AS id;",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_nobody_can_know_any_more_is_refused_and_the_way_out_leads_out(places: Iterator[Place], case: str) -> None:
    """Before anything of the rest is changed; once the file is mended as the message says, it ends as undisturbed."""
    text, refused, mended = REFUSED[case]
    undisturbed = next(places)
    undisturbed.gate.write(a_file=text)
    undisturbed.run()
    found = {}
    for statement in statements([text], "a_file.sql"):
        if statement.ordinal not in refused:
            continue
        place = next(places)
        place.gate.write(a_file=text)
        place.killed_before(bytes(statement.raw))
        start = place.goes_on(statement.ordinal)
        if last(start)["exit_code"] == 11:
            found[statement.ordinal] = last(start)["message"]
            place.gate.write(a_file=text.replace("-- mended", mended))
            start = place.run(expected=None)
        assert last(start)["exit_code"] == 0, start.text
        assert place.contents() == undisturbed.contents(), statement.text
    assert found.keys() == {ordinal for ordinal, said in refused.items() if said}, found
    assert all(refused[ordinal] in message for ordinal, message in found.items())
