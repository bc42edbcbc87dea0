"""A start that dies in a statement of which the schema does not tell: rows tell, or it is run again, or it is asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.database.gate import Gate, last, said
from tests.database.test_settling import killed, settled
from tests.databases import Database
from tests.instances import Instance
from tests.packages import choose_like, plugins
from tests.reach import Server

FIRST = """
    CREATE TABLE t (id INT PRIMARY KEY, n INT);
    INSERT INTO t VALUES (1, 1), (2, 2), (3, 3);
    CREATE TABLE u (id INT PRIMARY KEY, n INT);
    INSERT INTO u VALUES (3, 30), (4, 40);
    CREATE TABLE parts (id VARBINARY(4) NOT NULL, day DATE NOT NULL, PRIMARY KEY (id, day))
        PARTITION BY RANGE COLUMNS (day)
        (PARTITION p VALUES LESS THAN ('2025-01-01'), PARTITION q VALUES LESS THAN ('2026-01-01'));
    INSERT INTO parts VALUES (x'00ff', '2024-05-05'), (x'01', '2025-05-05');
    CREATE TABLE whole (id VARBINARY(4) NOT NULL, day DATE NOT NULL, PRIMARY KEY (id, day));
    INSERT INTO whole VALUES (x'02', '2024-06-06');
    CREATE TABLE words (word VARCHAR(20) NOT NULL, UNIQUE KEY (word)) DEFAULT CHARSET=utf8mb4;
    INSERT INTO words VALUES ('größe'), ('😀'), ('it''s');
    CREATE TABLE loose (n INT);
    CREATE TABLE old (id INT); CREATE TABLE older (id INT);
"""
TABLES = ("t", "u", "parts", "whole", "words", "loose")
BY_ROWS = (
    "TRUNCATE TABLE t",
    "RENAME TABLE t TO x, u TO t, x TO u",
    "ALTER TABLE parts EXCHANGE PARTITION p WITH TABLE whole",
    "ALTER TABLE parts TRUNCATE PARTITION q",
    "TRUNCATE words",
)


@pytest.fixture
def gate(database: Database, tmp_path: Path) -> Gate:
    database.may_leave_shadow = True
    return Gate(database, tmp_path)


def rows(database: Database) -> dict[str, object]:
    return {name: sorted(database.rows(f"SELECT * FROM {name}")) for name in TABLES}


@pytest.mark.parametrize("shadow", ["auto", "off"])
def test_a_row_tells_of_what_the_schema_does_not_tell(gate: Gate, shadow: str) -> None:
    """Killed before the server has it, the statement is run; killed when it was done, it is not run again: a row that
    came meanwhile stays.
    """
    database, mariadb = gate.database, gate.database.server.flavour == "mariadb"
    gate.write(a_first=FIRST).run()
    files = [*BY_ROWS, "CREATE OR REPLACE TABLE t (id INT PRIMARY KEY, n INT)"] if mariadb else BY_ROWS
    for number, text in enumerate(files):
        gate.write(**{f"b{number}": f"{text};"})
        before = rows(database)
        killed(gate, text, done=False, SCHEMAGATE_SHADOW=shadow)
        assert rows(database) == before, text
        killed(gate, text, done=True, SCHEMAGATE_SHADOW=shadow)
        database.run(f"INSERT INTO t VALUES ({number + 9}, 9)", f"INSERT INTO words VALUES ('new {number}')")
        after = rows(database)
        assert after != before, text
        start = gate.run(SCHEMAGATE_SHADOW=shadow)
        assert settled(start) == [(f"b{number}", 1, "applied")], text
        assert rows(database) == after, text
    notes = database.rows("SELECT outcome, COUNT(*) FROM schemagate_journal WHERE migration LIKE 'b%%' GROUP BY 1")
    assert dict(notes) == {"failed": len(files), "applied": len(files)}


def test_rows_that_somebody_changed_meanwhile_tell_nothing(gate: Gate) -> None:
    """They may be there because nothing was done, or because somebody made them again."""
    gate.write(a_first=FIRST).run()
    gate.write(b_second="TRUNCATE TABLE t;")
    killed(gate, "TRUNCATE TABLE t", done=True)
    gate.database.run("INSERT INTO t VALUES (1, 100)")
    assert "no row tells" in last(gate.run(expected=31))["message"]
    assert gate.database.rows("SELECT * FROM t") == ((1, 100),)


def test_nothing_is_lost_where_there_was_nothing(gate: Gate) -> None:
    """Rows that came after a start had begun to empty an empty table are not its rows."""
    gate.write(a_first=FIRST).run()
    gate.write(b_second="TRUNCATE TABLE loose;")
    killed(gate, "TRUNCATE TABLE loose", done=False)
    gate.database.run("INSERT INTO loose VALUES (1)")
    assert settled(gate.run()) == [("b_second", 1, "applied")]
    assert gate.database.rows("SELECT * FROM loose") == ((1,),)


@pytest.mark.parametrize("text", ["SELECT * FROM `deeper`", "SELECT q FROM through"])
def test_what_reads_a_view_that_calls_a_function_is_asked_about(gate: Gate, text: str) -> None:
    """The function may change rows; a view that calls none is read again."""
    gate.write(a_first=FIRST + """
        CREATE FUNCTION grow() RETURNS INT DETERMINISTIC BEGIN UPDATE u SET n = n + 1; RETURN 1; END;
        CREATE VIEW through AS SELECT grow() AS q;
        CREATE VIEW deeper AS SELECT q FROM through;
        CREATE VIEW harmless AS SELECT MAX(n) AS q, COUNT(*) AS many FROM u;
    """).run()  # fmt: skip
    gate.write(b_second=f"{text}; SELECT * FROM harmless")
    killed(gate, text, done=True)
    assert "the views that it reads" in last(gate.run(expected=31))["message"]
    gate.run("resolve b_second:1 --applied")
    killed(gate, "SELECT * FROM harmless", done=True)
    gate.run()
    assert sorted(gate.database.rows("SELECT n FROM u")) == [(31,), (41,)]


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_an_empty_table_is_emptied_again(gate: Gate, done: bool) -> None:
    """Its counter begins anew with it, which is not to be seen."""
    gate.write(a_first="CREATE TABLE n (id INT PRIMARY KEY AUTO_INCREMENT, x INT); INSERT INTO n (x) VALUES (1), (2);")
    gate.run()
    gate.write(b_second="DELETE FROM n; TRUNCATE TABLE n; INSERT INTO n (x) VALUES (3);")
    killed(gate, "TRUNCATE TABLE n", done=done)
    assert settled(gate.run()) == [("b_second", 2, "not applied")]
    assert gate.database.rows("SELECT id, x FROM n") == ((1, 3),)


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_a_swap_of_empty_tables_is_known_by_their_counters(gate: Gate, done: bool) -> None:
    """Which go with the tables."""
    made = "CREATE TABLE {name} (id INT PRIMARY KEY AUTO_INCREMENT, x INT) AUTO_INCREMENT = {first};\n"
    gate.write(a_first=made.format(name="one", first=40) + made.format(name="two", first=1)).run()
    gate.write(b_second="RENAME TABLE one TO swap, two TO one, swap TO two; INSERT INTO two (x) VALUES (1);")
    killed(gate, "RENAME TABLE one TO swap, two TO one, swap TO two", done=done)
    assert settled(gate.run()) == [("b_second", 1, "applied" if done else "not applied")]
    assert gate.database.rows("SELECT id FROM two") == ((40,),)


def test_rows_are_noted_in_the_first_start_of_all_too(gate: Gate) -> None:
    """There, nothing else is noted: what became of a statement is found by doing the same in the shadow."""
    gate.write(a_first=FIRST + "TRUNCATE TABLE t;")
    killed(gate, "TRUNCATE TABLE t", done=True)
    gate.database.run("INSERT INTO t VALUES (9, 9)")
    assert settled(gate.run()) == [("a_first", 14, "applied")]
    assert gate.database.rows("SELECT id FROM t") == ((9,),)


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_what_is_harmless_is_run_again(gate: Gate, done: bool) -> None:
    """Whether it was run or not."""
    database = gate.database
    gate.write(a_first=FIRST).run()
    texts = (
        "ANALYZE TABLE t",
        "ALTER TABLE t FORCE",
        "CREATE TABLE IF NOT EXISTS t (id INT)",
        "DROP TABLE IF EXISTS never_there",
        "SELECT COUNT(*) INTO @n FROM t",
        "ALTER TABLE t AUTO_INCREMENT = 50",
    )
    for number, text in enumerate(texts):
        gate.write(**{f"b{number}": f"{text};"})
        killed(gate, text, done=done)
        start = gate.run()
        assert settled(start) == [(f"b{number}", 1, "not applied")], text
        assert "run again" in said(start, "statement.settled")[0]["how"]
    assert database.rows("SELECT COUNT(*) FROM t") == ((3,),)


@pytest.mark.parametrize("marked", [False, True], ids=["asked", "repeatable"])
def test_what_only_the_file_can_know_is_asked_or_said_in_the_file(gate: Gate, marked: bool) -> None:
    """A procedure may have changed rows, and may be one that can be called twice."""
    database = gate.database
    gate.write(a_first=FIRST + "CREATE PROCEDURE p() UPDATE t SET n = 7;").run()
    gate.write(b_second="-- schemagate: repeatable\nCALL p();" if marked else "CALL p();")
    killed(gate, "CALL p()", done=True)
    start = gate.run(expected=0 if marked else 31)
    if marked:
        assert settled(start) == [("b_second", 1, "not applied")]
        assert database.rows("SELECT DISTINCT n FROM t") == ((7,),)
    else:
        assert "does not show in its text" in last(start)["message"]


def test_a_setting_that_is_made_of_what_it_was_is_asked_about(gate: Gate) -> None:
    """Run again, it would be another one."""
    database = gate.database
    gate.write(a_first=FIRST).run()
    text, asked = (
        "SET GLOBAL max_connect_errors = @@GLOBAL.max_connect_errors + 7",
        "SELECT @@GLOBAL.max_connect_errors",
    )
    gate.write(b_second=f"{text};")
    before = database.value(asked)
    try:
        killed(gate, text, done=True)
        assert "works out what it sets" in last(gate.run(expected=31))["message"]
        gate.run("resolve b_second:1 --applied")
        gate.run()
        assert database.value(asked) == before + 7
    finally:
        database.run(f"SET GLOBAL max_connect_errors = {before}")


def test_a_password_that_was_set_and_is_refused_for_that_is_asked_about(
    server: Server, private_server: Callable[..., Instance], tmp_path: Path
) -> None:
    """The text does not tell that the server keeps a history of passwords. Where nothing was run before, it is the file
    that is to be mended.
    """
    spec = choose_like(server.label)
    mysql = server.flavour == "mysql"
    options = ["--password-history=5"] if mysql else [f"--plugin-dir={plugins(spec)}"]
    database = Database(private_server(*options).server())
    database.may_leave_shadow = True
    gate = Gate(database, tmp_path)
    user = f"'{database.name}'@'%'"
    if not mysql:
        database.run("INSTALL SONAME 'password_reuse_check'")
    database.run(f"CREATE USER {user} IDENTIFIED BY 'first-Enough.1'")
    text = f"ALTER USER {user} IDENTIFIED BY 'second-Enough.2'"
    gate.write(a_first=FIRST).run()
    gate.write(b_second=f"{text};\nCREATE TABLE c (id INT);")
    killed(gate, text, done=True)
    for _ in range(2):
        message = last(gate.run(expected=31))["message"]
        assert f"the server says {3638 if mysql else 1396}: " in message
        assert "that is why it may be refused now" in message
    gate.run("resolve b_second:1 --applied")
    gate.run()
    gate.write(c_third=f"ALTER USER {user} IDENTIFIED BY 'first-Enough.1';")
    assert "mend the file" in last(gate.run(expected=30))["message"]
    database.remove()


def test_what_would_leave_no_trace_is_not_begun(gate: Gate) -> None:
    """Nobody could tell afterwards whether it was run; unless the file says that it may be run twice."""
    database, text = gate.database, "ALTER TABLE t DROP COLUMN n, ADD COLUMN n INT;"
    gate.write(a_first=FIRST).run()
    gate.write(b_second=f"CREATE TABLE c (id INT);\n{text}")
    start = gate.run(expected=11)
    assert (last(start)["line"], last(start)["ordinal"]) == (2, 2)
    assert ("table", "c") not in database.objects()
    gate.write(b_second=f"CREATE TABLE c (id INT);\n-- schemagate: repeatable\n{text}").run()
    assert database.rows("SELECT n FROM t") == ((None,), (None,), (None,))


@pytest.mark.parametrize("shadow", ["auto", "off"])
def test_a_drop_of_several_that_ended_in_the_middle_is_brought_to_its_end(gate: Gate, shadow: str) -> None:
    """On MariaDB, where each is dropped for itself; MySQL drops all of them or none."""
    database, text = gate.database, "DROP TABLE old, older"
    gate.write(a_first=FIRST).run()
    gate.write(b_second=f"{text}; CREATE TABLE c (id INT);")
    killed(gate, text, done=False, SCHEMAGATE_SHADOW=shadow)
    database.run("DROP TABLE old")  # as a server would that dies after the first of them
    start = gate.begin(SCHEMAGATE_SHADOW=shadow)
    start.wait()
    if database.server.flavour == "mariadb":
        assert settled(start) == [("b_second", 1, "applied")]
        assert not {("table", "old"), ("table", "older")} & database.objects()
        assert ("table", "c") in database.objects()
    else:
        assert last(start)["exit_code"] in (30, 31), start.text
        assert ("table", "older") in database.objects()


ONCE = "EVENT {}e ON SCHEDULE AT CURRENT_TIMESTAMP + INTERVAL 1 DAY DO UPDATE t SET n = n + 1"


@pytest.mark.parametrize("there", ["", "IF NOT EXISTS "], ids=["plain", "if-not-exists"])
@pytest.mark.parametrize("fresh", [True, False], ids=["first-start", "later"])
def test_an_event_that_may_have_run_is_not_made_a_second_time(gate: Gate, there: str, fresh: bool) -> None:
    """It is gone when it has run, so that nothing tells: made again, it would do its work twice."""
    text = "CREATE " + ONCE.format(there)
    gate.write(a_first=FIRST + (f"{text};" if fresh else ""))
    if not fresh:
        gate.run()
        gate.write(b_second=f"{text};")
    killed(gate, text, done=True)
    gate.database.run("DROP EVENT e")  # as its run does
    assert "gone when it has run" in last(gate.run(expected=31))["message"]
    assert ("event", "e") not in gate.database.objects()


UNREAD = "SET sql_mode = 'ANSI_QUOTES,STRICT_TRANS_TABLES'"


def test_what_names_tables_in_other_quotes_is_asked_about(gate: Gate) -> None:
    """Nothing was taken down of it, and it is not tried in the shadow: which is no reason to run it again."""
    gate.write(a_first=FIRST).run()
    text = 'CREATE TABLE "made" (id INT)'
    gate.write(b_second=f"{UNREAD}; {text};")
    killed(gate, text, done=True)
    assert "under ANSI_QUOTES" in last(gate.run(expected=31))["message"]
    gate.run("resolve b_second:2 --applied")
    gate.run()


def test_what_names_tables_in_other_quotes_hides_no_change_of_theirs(gate: Gate) -> None:
    """A later statement on the same table, killed before the server had it, is not taken for applied."""
    gate.write(a_first=FIRST).run()
    text = "ALTER TABLE t ADD COLUMN later INT"
    gate.write(
        b_second=f'ALTER TABLE u ADD COLUMN seen INT; {UNREAD}; ALTER TABLE "t" ADD COLUMN sooner INT; SET sql_mode = '
        f"'STRICT_TRANS_TABLES'; {text};"
    )
    killed(gate, text, done=False)
    assert settled(gate.run()) == [("b_second", 5, "not applied")]
    assert [name for name, *_ in gate.database.rows("SHOW COLUMNS FROM t")] == ["id", "n", "sooner", "later"]


def test_what_swaps_tables_of_another_schema_does_not_swap_them_back(gate: Gate) -> None:
    """They are not looked at, and not tried in the shadow."""
    database, other = gate.database, gate.database.another()
    database.run(*(f"CREATE TABLE {other}.{name} (id INT)" for name in ("x", "y")), f"INSERT INTO {other}.x VALUES (1)")
    gate.write(a_first=FIRST).run()
    text = f"RENAME TABLE {other}.x TO {other}.z, {other}.y TO {other}.x, {other}.z TO {other}.y"
    gate.write(b_second=f"{text};")
    killed(gate, text, done=True)
    assert "names another schema" in last(gate.run(expected=31))["message"]
    assert database.rows(f"SELECT id FROM {other}.y") == ((1,),)


def test_without_a_rehearsal_a_column_that_was_emptied_is_not_emptied_again(gate: Gate) -> None:
    """The table looks as before; what the application has written into the new column stays."""
    gate.write(a_first=FIRST).run()
    text = "ALTER TABLE t DROP COLUMN n, ADD COLUMN n INT"
    gate.write(b_second=f"{text};")
    killed(gate, text, done=True, SCHEMAGATE_SHADOW="off")
    gate.database.run("UPDATE t SET n = 7")
    assert "run twice" in last(gate.run(expected=31, SCHEMAGATE_SHADOW="off"))["message"]
    assert gate.database.rows("SELECT DISTINCT n FROM t") == ((7,),)


@pytest.mark.parametrize("many", [False, True], ids=["few-rows", "many-rows"])
def test_first_and_last_row_gone_is_not_all_rows_gone(gate: Gate, many: bool) -> None:
    """Somebody took away those two alone: the table was not emptied, and that is not said."""
    database = gate.database
    gate.write(a_first=FIRST).run()
    if many:
        database.run("INSERT INTO t VALUES " + ", ".join(f"({number}, 1)" for number in range(10, 400)))
    (ends,) = database.rows("SELECT MIN(id), MAX(id) FROM t")
    gate.write(b_second="TRUNCATE TABLE t;")
    killed(gate, "TRUNCATE TABLE t", done=False)
    database.run(f"DELETE FROM t WHERE id IN {ends}")
    assert "no row tells" in last(gate.run(expected=31))["message"]


def test_data_statements_that_only_read_elsewhere_are_never_in_doubt(gate: Gate) -> None:
    """What they change is in InnoDB: itself, or by way of a view. What they read need not be."""
    database = gate.database
    gate.write(
        a_first=FIRST
        + """
        CREATE VIEW v AS SELECT id, n FROM t;
        CREATE TABLE flat (id INT) ENGINE=MyISAM;
        INSERT INTO flat VALUES (2), (3);
        """
    ).run()
    texts = (
        "INSERT INTO loose SELECT n FROM v",
        "INSERT INTO loose SELECT COUNT(*) FROM information_schema.SCHEMATA",
        "INSERT INTO v VALUES (50, 50)",
        "UPDATE t SET n = n + 1 WHERE id IN (SELECT id FROM flat)",
        "UPDATE t JOIN flat ON flat.id = t.id SET t.n = t.n + 1",
        "DELETE QUICK t FROM t JOIN flat ON flat.id = t.id WHERE t.id = 3",
    )
    for number, text in enumerate(texts):
        gate.write(**{f"b{number}": f"{text};"})
        killed(gate, text, done=True)
        assert not settled(gate.run()), text
    assert database.rows("SELECT id, n FROM t ORDER BY id") == ((1, 1), (2, 4), (50, 50))
    assert database.rows("SELECT COUNT(*) FROM loose") == ((4,),)


@pytest.mark.parametrize("changed", ["INSERT INTO flat VALUES (9)", "DELETE QUICK FROM flat WHERE id = 2"])
def test_data_statements_that_change_another_engine_are_asked_about(gate: Gate, changed: str) -> None:
    """No transaction takes them back."""
    gate.write(a_first=FIRST + "CREATE TABLE flat (id INT) ENGINE=MyISAM; INSERT INTO flat VALUES (2), (3);").run()
    gate.write(b_second=f"{changed};")
    killed(gate, changed, done=True)
    assert "no transaction takes back" in last(gate.run(expected=31))["message"].lower()


def test_a_table_that_only_has_the_name_of_a_temporary_one_gets_its_rows_once(gate: Gate) -> None:
    """One in another schema, and one that is written in capitals where the server knows the difference."""
    database, other = gate.database, gate.database.another()
    database.run(f"CREATE TABLE {other}.few (n INT)", "CREATE TABLE FEW (n INT)")
    gate.write(a_first=FIRST).run()
    texts = (f"INSERT INTO {other}.few SELECT n FROM few", "INSERT INTO FEW VALUES (1)")
    for number, text in enumerate(texts):
        gate.write(**{f"b{number}": f"CREATE TEMPORARY TABLE few AS SELECT n FROM t;\n{text};\nSELECT 1;"})
        killed(gate, text, done=True)
        gate.run()
    assert database.rows(f"SELECT COUNT(*) FROM {other}.few") == ((3,),)
    assert database.rows("SELECT COUNT(*) FROM FEW") == ((1,),)
