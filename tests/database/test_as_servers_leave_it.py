"""What servers and dumps leave behind, and nobody has changed: an index that was a key's own, a view that is broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.database.gate import Gate, last, said
from tests.databases import Database

KEY = """CREATE TABLE c (id INT PRIMARY KEY);
CREATE TABLE o (id INT PRIMARY KEY, a INT, b INT, {name}FOREIGN KEY (a) REFERENCES c (id));
"""
VIEWS = """CREATE TABLE t (id INT PRIMARY KEY);
CREATE VIEW v AS SELECT id FROM t;
CREATE VIEW sorted AS SELECT id FROM v ORDER BY 1;
CREATE VIEW counted AS SELECT id, COUNT(*) AS n FROM v GROUP BY 1;
"""


def restored(database: Database, table: str) -> None:
    """Make a table anew from what a dump has of it: an index that the server made is one that is asked for, then."""
    text = database.rows(f"SHOW CREATE TABLE {table}")[0][1]
    database.run(f"DROP TABLE {table}", text)


@pytest.mark.parametrize("name", ["CONSTRAINT o_c ", ""], ids=["with a name", "without"])
@pytest.mark.parametrize("journal", [True, False], ids=["with its journal", "without"])
def test_an_index_that_a_dump_has_kept_stops_no_release(
    database: Database, tmp_path: Path, name: str, journal: bool
) -> None:
    """Where nothing was restored, the server takes it away for the next one; `diff` tells of it, and how it goes."""
    gate = Gate(database, tmp_path).write(a=KEY.format(name=name))
    gate.run("snapshot")
    gate.run()
    restored(database, "o")
    if not journal:
        database.run("DROP TABLE schemagate_journal, schemagate_starts, schemagate_verified")
    gate.write(b="ALTER TABLE o ADD KEY ab (a, b);")
    gate.run("snapshot")
    gate.run()
    gate.run("check")
    drop = database.rows("SELECT index_name FROM information_schema.statistics WHERE table_schema = %s AND "
                         "table_name = 'o' AND index_name NOT IN ('PRIMARY', 'ab')", database.name)  # fmt: skip
    gate.run("diff live snapshot", expected=32)
    database.run(f"ALTER TABLE o DROP KEY {drop[0][0]}")
    gate.run("diff live snapshot")


def test_a_dump_without_its_journal_is_in_the_state_that_it_was(database: Database, tmp_path: Path) -> None:
    """And what is pending is run, with its data statements: nothing is taken for run since an index was kept."""
    gate = Gate(database, tmp_path).write(a=KEY.format(name="CONSTRAINT o_c "), b="ALTER TABLE o ADD KEY ab (a, b);")
    gate.run("snapshot")
    gate.write(c="INSERT INTO c VALUES (1); ALTER TABLE o ADD KEY bb (b);")
    database.run(*KEY.format(name="CONSTRAINT o_c ").replace("\n", "").rstrip(";").split(";"))
    restored(database, "o")
    database.run("ALTER TABLE o ADD KEY ab (a, b)")
    gate.run("snapshot")
    ended = gate.run()
    assert said(ended, "baseline.found")[0]["migration"] == "b"
    assert database.rows("SELECT id FROM c") == ((1,),)


def test_another_index_that_is_too_much_is_drift(database: Database, tmp_path: Path) -> None:
    """One of other columns than those of a key, with another name, or that no other one makes needless."""
    gate = Gate(database, tmp_path).write(a=KEY.format(name="CONSTRAINT o_c "), b="ALTER TABLE o ADD KEY ab (a, b);")
    gate.run("snapshot")
    gate.run()
    for index in ("b (b)", "mine (a)", "a (a)", "o_c (a) COMMENT 'mine'", "o_c (a DESC)", "UNIQUE o_c (a)"):
        word = "" if index.startswith("UNIQUE") else "KEY "
        database.run(f"ALTER TABLE o ADD {word}{index}")
        assert "is not expected" in last(gate.run("check", expected=32))["message"], index
        database.run(f"ALTER TABLE o DROP KEY {index.removeprefix('UNIQUE ').split(' ')[0]}")
    gate.run("check")


@pytest.mark.parametrize(
    "pending", ["", "CREATE OR REPLACE VIEW v AS SELECT id FROM t WHERE id > 0; UPDATE t SET id = 7;"]
)
def test_views_on_one_that_is_missing_are_not_called_changed(database: Database, tmp_path: Path, pending: str) -> None:
    """MariaDB shows the number of a column that they sort or group by as an empty string, then."""
    gate = Gate(database, tmp_path).write(a=VIEWS)
    gate.run("snapshot")
    gate.run()
    database.run("INSERT INTO t VALUES (3)", "DROP VIEW v")
    if pending:
        gate.write(b=pending)
        gate.run("snapshot")
    assert said(gate.run(), "schema.healed") or pending
    gate.run("check")
    assert database.rows("SELECT id FROM sorted") == ((7 if pending else 3,),)


def test_a_release_that_ends_while_a_view_is_missing_goes_on(database: Database, tmp_path: Path) -> None:
    """What stands on it is broken meanwhile, and whole again behind it."""
    gate = Gate(database, tmp_path).write(a=VIEWS)
    gate.run("snapshot")
    gate.run()
    database.run("INSERT INTO t VALUES (1), (2)")
    gate.write(b="DROP VIEW v; UPDATE t SET id = 5; CREATE VIEW v AS SELECT id FROM t WHERE id > 0;")
    gate.run("snapshot")
    gate.run(expected=30)
    database.run("DELETE FROM t WHERE id = 2")
    gate.run()
    gate.run("check")
    assert database.rows("SELECT n FROM counted") == ((1,),)


def test_an_event_gets_its_time_zone(database: Database, tmp_path: Path) -> None:
    """Which ALTER EVENT takes over with the schedule alone."""
    made = "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DISABLE DO SET @a = 1"
    gate = Gate(database, tmp_path).write(a=f"SET time_zone = '+02:00'; {made};")
    gate.run("snapshot")
    database.run("SET time_zone = '+05:00'", made, "SET time_zone = DEFAULT")
    answer = gate.run("diff live snapshot --sql", expected=32)
    database.run(*(line.rstrip(";") for line in answer.text.splitlines() if line.startswith(("SET ", "ALTER "))))
    gate.run("diff live snapshot")


def system(database: Database, number: int) -> str:
    """The clause that gives a column of shapes a reference system."""
    return f"SRID {number}" if database.server.flavour == "mysql" else f"REF_SYSTEM_ID={number}"


def test_the_reference_system_of_a_column_counts(database: Database, tmp_path: Path) -> None:
    """It is in no CREATE TABLE of MariaDB's: what is asked for beside that is part of a fingerprint and a snapshot."""
    gate = Gate(database, tmp_path).write(
        a=f"CREATE TABLE places (id INT PRIMARY KEY, at POINT {system(database, 4326)} NOT NULL COMMENT '`x` point');"
    )
    gate.run("snapshot")
    assert system(database, 4326) in (gate.migrations / "schema.sql").read_text("utf-8")
    gate.run()
    assert said(gate.run(), "start.unchanged")
    gate.run("diff live snapshot")
    database.run(f"ALTER TABLE places MODIFY at POINT {system(database, 3857)} NOT NULL COMMENT '`x` point'")
    assert "column at is not as expected" in last(gate.run(expected=32))["message"]
    answer = gate.run("diff live snapshot --sql", expected=32)
    lines = (line.removeprefix("-- ").rstrip(";") for line in answer.text.splitlines())
    database.run(*(line for line in lines if line.startswith("ALTER ")))  # what rows may refuse, too: there are none
    gate.run("diff live snapshot")
    gate.run()


def test_a_dump_that_has_lost_a_reference_system_stops_no_release(database: Database, tmp_path: Path) -> None:
    """MariaDB makes nothing of it; `diff` tells of it."""
    gate = Gate(database, tmp_path).write(
        a=f"CREATE TABLE places (id INT PRIMARY KEY, at POINT {system(database, 4326)} NOT NULL);"
    )
    gate.run("snapshot")
    gate.run()
    restored(database, "places")
    gate.run("check")
    gate.run("diff live snapshot", expected=0 if database.server.flavour == "mysql" else 32)
    gate.write(b="ALTER TABLE places ADD COLUMN name TEXT;")
    gate.run("snapshot")
    gate.run()
    gate.run("check")


@pytest.mark.parametrize("name", ["CONSTRAINT o_c ", ""], ids=["with a name", "without"])
@pytest.mark.parametrize(
    "release",
    [
        "ALTER TABLE o DROP FOREIGN KEY {key}; ALTER TABLE o ADD CONSTRAINT o_d FOREIGN KEY (a) REFERENCES c (id);",
        "ALTER TABLE o ADD KEY other (a); ALTER TABLE o DROP FOREIGN KEY {key};",
        "ALTER TABLE o DROP FOREIGN KEY {key}; ALTER TABLE o ADD KEY ab (a, b);",
        "ALTER TABLE o ADD KEY other (a); ALTER TABLE o RENAME INDEX other TO {index};",
    ],
    ids=["renamed", "an index before it goes", "an index behind it", "its name"],
)
def test_a_release_that_ends_otherwise_for_an_index_that_a_dump_has_kept_says_so(
    database: Database, tmp_path: Path, name: str, release: str
) -> None:
    """Nobody changed anything by hand, and what it says leads on."""
    gate = Gate(database, tmp_path).write(a=KEY.format(name=name))
    gate.run("snapshot")
    gate.run()
    database.run("INSERT INTO c VALUES (1)", "INSERT INTO o VALUES (1, 1, 1)")
    restored(database, "o")
    gate.write(b=release.format(key="o_c" if name else "o_ibfk_1", index="o_c" if name else "a"))
    gate.run("snapshot")
    refused = last(gate.run(expected=32))
    assert "as every dump does" in refused["message"]
    database.run(*(each["sql"] for each in refused["ddl"]))
    gate.run()
    gate.run("check")
    gate.run("diff live snapshot")


def test_a_view_that_cannot_be_shown_in_the_middle_of_a_release_stops_nothing(
    database: Database, tmp_path: Path
) -> None:
    """Collations are changed table by table, and between two of them the server cannot make sense of the view."""
    table = "CREATE TABLE {} (id INT PRIMARY KEY, s VARCHAR(10)) COLLATE utf8mb4_general_ci;"
    gate = Gate(database, tmp_path).write(
        a=table.format("c") + table.format("d") + "CREATE VIEW v AS SELECT s FROM c UNION SELECT s FROM d;"
    )
    gate.run()
    convert = "ALTER TABLE {} CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;"
    gate.write(b=convert.format("c") + convert.format("d"))
    gate.run("snapshot")
    gate.run("up --dry-run")
    gate.run()
    gate.run("check")


def test_a_view_that_cannot_be_shown_is_drift(database: Database, tmp_path: Path) -> None:
    """With what the server says of it; it is whole again when what it lacks is healed, also before a release."""
    gate = Gate(database, tmp_path).write(
        a="CREATE TABLE c (id INT PRIMARY KEY, a INT, KEY k (a)); CREATE VIEW v AS SELECT id FROM c FORCE INDEX (k);"
    )
    gate.run("snapshot")
    gate.run()
    database.run("ALTER TABLE c DROP KEY k")
    for command in ("up", "check", "diff live snapshot"):
        gate.run(command, expected=32, SCHEMAGATE_HEAL="off")
    found = last(gate.run(expected=32, SCHEMAGATE_HEAL="off"))["differences"]
    assert "1176" in next(each["found"] for each in found if each["part"] == "body")
    gate.run()
    gate.run("check")
    database.run("ALTER TABLE c DROP KEY k")
    gate.write(b="ALTER TABLE c ADD z INT; UPDATE c SET z = 1;")
    gate.run("snapshot")
    gate.run("up --dry-run")
    gate.run()
    gate.run("check")


def test_no_snapshot_holds_a_view_that_cannot_be_shown(database: Database, tmp_path: Path) -> None:
    """Nothing could make it from that."""
    gate = Gate(database, tmp_path).write(
        a="CREATE TABLE c (id INT PRIMARY KEY, a INT, KEY k (a)); CREATE VIEW v AS SELECT id FROM c FORCE INDEX (k);",
        b="ALTER TABLE c DROP KEY k;",
    )
    refused = last(gate.run("snapshot", expected=11))
    assert "view v" in refused["message"]
    assert "1176" in refused["message"]


@pytest.mark.parametrize(
    "check",
    ["KIND <> 'none'", "hash <> 'x'", "kind = 'none' OR hash <> CONCAT(hash, 'y')"],
    ids=["another spelling", "bytes", "bytes beside text"],
)
def test_an_expression_that_an_alter_rewrites_is_the_same(database: Database, tmp_path: Path, check: str) -> None:
    """MySQL writes it anew at the next ALTER TABLE: with the column as it is spelled, and literals as what they are
    held against.
    """
    gate = Gate(database, tmp_path).write(
        a="CREATE TABLE t (id INT PRIMARY KEY, Kind VARCHAR(9), hash VARBINARY(16), KEY k (id), "
        f"CONSTRAINT c CHECK ({check}));"
    )
    gate.run("snapshot")
    gate.run()
    database.run("ALTER TABLE t DROP KEY k")
    gate.run()
    gate.run("diff live snapshot")


def test_a_trigger_that_names_a_column_which_is_gone_is_copied_as_it_is(database: Database, tmp_path: Path) -> None:
    """No server makes such a one, and each lets it stay: what is pending is rehearsed beside it, and what is healed."""
    gate = Gate(database, tmp_path).write(
        a="CREATE TABLE t (id INT PRIMARY KEY, v INT);"
        "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.v = NEW.id;"
        "CREATE TRIGGER h BEFORE INSERT ON t FOR EACH ROW SET NEW.id = NEW.id + 1;"
    )
    gate.run("snapshot")
    gate.run()
    database.run("ALTER TABLE t DROP COLUMN v")
    gate.write(b="ALTER TABLE t ADD w INT; ALTER TABLE t ADD KEY k (v, nonsense);")
    assert last(gate.run(expected=14, SCHEMAGATE_HEAL="all"))["state"] == "not touched"
    gate.write(b="ALTER TABLE t ADD w INT; ALTER TABLE t ADD KEY k (v);")
    gate.run("snapshot")
    assert last(gate.run(expected=14))["state"] == "not touched"
    gate.run(SCHEMAGATE_HEAL="all")
    gate.run("check")
    gate.write(
        c="ALTER TABLE t DROP KEY k, DROP COLUMN v;", d="ALTER TABLE t ADD v INT; DROP TRIGGER g; DROP TRIGGER h;"
    )
    gate.run("snapshot")
    gate.run()
    gate.run("check")
