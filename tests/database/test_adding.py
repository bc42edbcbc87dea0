"""Databases of which something is missing: completed without a row lost, or refused before anything is changed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.database.place import Place
from tests.database.shipped import apply, files, session
from tests.databases import Database


def test_a_data_statement_is_run_where_all_ddl_of_its_file_is_missing(shipped: Place) -> None:
    """The table of modules is made and filled, as its file does it."""
    apply(session(shipped.database), *files())
    shipped.build(
        "INSERT INTO workflows (id, workflow_type, target_module) VALUES (1, 'feature', 'here')",
        "DROP TABLE workflow_modules",
    )
    ended = shipped.run()
    assert not ended.said("statement.skipped") or all(
        line["migration"] != "20251121_add_workflow_modules_table" for line in ended.said("statement.skipped")
    )
    assert shipped.database.rows("SELECT workflow_id, module_name FROM workflow_modules") == ((1, "here"),)


PARTLY = {
    "a": "CREATE TABLE a (id INT PRIMARY KEY);",
    "b": """
        CREATE TABLE b (id INT PRIMARY KEY);
        INSERT INTO b VALUES (1);
        ALTER TABLE a ADD COLUMN x INT NULL, ADD COLUMN y INT NULL, ADD INDEX by_y (y);
        UPDATE a SET x = 1;
    """,
}


def test_a_data_statement_is_skipped_and_named_where_a_part_of_its_file_is_there(place: Place) -> None:
    """Whether its rows are there is for a person to see; all that was missing is there then."""
    place.write(**PARTLY).build(
        "CREATE TABLE a (id INT PRIMARY KEY, x INT NULL)",
        "CREATE TABLE b (id INT PRIMARY KEY)",
        "INSERT INTO a VALUES (5, 7)",
    )
    ended = place.run()
    assert [(line["ordinal"], line["line"], line["kind"]) for line in ended.said("statement.skipped")] == [
        (2, 3, "insert"),
        (4, 5, "update"),
    ]
    assert place.database.rows("SELECT id, x, y FROM a") == ((5, 7, None),)
    assert [(ordinal, outcome, note) for name, ordinal, outcome, note in place.noted() if name == "b"] == [
        (1, "applied", "adopted: what it makes was there"),
        (2, "applied", "adopted: not run, since a part of its file was there"),
        (3, "applied", "adopted: what was missing of it was added"),
        (4, "applied", "adopted: not run, since a part of its file was there"),
    ]
    assert place.run().lines[-1]["unchanged"] is True


def test_where_rows_alone_tell_of_a_migration_nothing_is_added(place: Place) -> None:
    """Whether a file without DDL was run nobody sees: a person brings what is missing, and says it."""
    place.write(**PARTLY, c="UPDATE a SET y = 1;")
    place.build("CREATE TABLE a (id INT PRIMARY KEY, x INT NULL)", "CREATE TABLE b (id INT PRIMARY KEY)")
    told = place.refused()
    assert "whether c was run" in told["message"]
    place.build(*(each["sql"] for each in told["ddl"]))
    place.run("baseline", "--to", "c")
    place.run()


def test_what_is_gone_in_the_end_need_not_be_seen(place: Place) -> None:
    """A table that got another name, and one that was made and dropped, leave no doubt about what is missing."""
    place.write(
        a="CREATE TABLE old (id INT PRIMARY KEY, x INT);",
        b="RENAME TABLE old TO new;",
        c="CREATE TABLE passing (id INT);",
        d="DROP TABLE passing;",
        e="ALTER TABLE new ADD KEY by_x (x);",
        f="CREATE TABLE f (id INT);",
    )
    place.build(
        "CREATE TABLE new (id INT PRIMARY KEY, x INT)", "CREATE TABLE f (id INT)", "INSERT INTO new VALUES (1, 2)"
    )
    assert place.run().said("adoption.planned")[0]["missing"] == ["table new, index by_x"]
    assert place.database.rows("SELECT id, x FROM new") == ((1, 2),)
    assert ("table", "old") not in place.database.objects()


def test_what_was_filled_and_is_gone_in_the_end_is_asked_about(place: Place) -> None:
    """So is a file that swaps two tables of one form, and one that takes back what it did around its data: they make
    nothing that shows.
    """
    place.write(
        a="CREATE TABLE one (id INT PRIMARY KEY); CREATE TABLE two (id INT PRIMARY KEY);",
        b="CREATE TABLE passing (id INT); RENAME TABLE one TO t, two TO one, t TO two; DROP TABLE passing;",
        c="ALTER TABLE one ADD COLUMN x INT; ALTER TABLE two ADD COLUMN x INT;",
        d="CREATE TABLE d (id INT);",
    )
    place.build("CREATE TABLE one (id INT PRIMARY KEY, x INT)", "CREATE TABLE two (id INT PRIMARY KEY)")
    place.build("CREATE TABLE d (id INT)")
    assert "whether b was run" in place.refused()["message"]
    place.write(b="CREATE TABLE passing (id INT); INSERT INTO passing VALUES (1); DROP TABLE passing;")
    assert "whether b was run" in place.refused()["message"]
    place.write(b="ALTER TABLE two ADD COLUMN y INT; UPDATE two SET id = id + 1; ALTER TABLE two DROP COLUMN y;")
    assert "whether b was run" in place.refused()["message"]


def test_columns_are_added_where_they_belong(place: Place) -> None:
    """In any order, also where a later migration put another in between."""
    place.write(
        a="CREATE TABLE a (id INT PRIMARY KEY, z INT);",
        b="ALTER TABLE a ADD COLUMN one INT NULL AFTER id;",
        c="ALTER TABLE a ADD COLUMN two INT NULL AFTER id, ADD three INT NULL AFTER one, ADD UNIQUE KEY u (two, z);",
    )
    place.build("CREATE TABLE a (id INT PRIMARY KEY, two INT NULL, z INT)", "INSERT INTO a VALUES (1, 2, 3)")
    place.run()
    assert place.database.rows("SELECT * FROM a") == ((1, 2, None, None, 3),)
    assert [row[0] for row in place.database.rows("SHOW COLUMNS FROM a")] == ["id", "two", "one", "three", "z"]


@pytest.mark.parametrize(
    ("never_run", "live"),
    [
        ("CREATE TABLE b (id INT PRIMARY KEY, v INT); INSERT INTO b SELECT id, old FROM a;", "id INT PRIMARY KEY"),
        ("ALTER TABLE a ADD n INT; UPDATE a SET n = old;", "id INT PRIMARY KEY"),
    ],
)
def test_a_migration_that_came_too_late_is_not_called_wrong(place: Place, never_run: str, live: str) -> None:
    """It was never run, and reads what a later one has dropped: what it makes can be given, what it reads is gone."""
    place.write(a="CREATE TABLE a (id INT PRIMARY KEY, old INT);", b=never_run, c="ALTER TABLE a DROP COLUMN old;")
    place.build(f"CREATE TABLE a ({live})", "INSERT INTO a VALUES (1), (2)")
    for words in (("up", "--dry-run"), ("up",)):
        said = place.refused(*words)
        assert "what b has not done here does not work" in said["message"]
        assert "b.sql:1" in said["message"]
    place.build(*(each["sql"] for each in said["ddl"]))
    place.run()


def test_a_trigger_that_is_missing_is_put_before_one_that_is_there(place: Place) -> None:
    """By its own statement, which moves the other one: neither is taken for what the other's statement makes."""
    place.write(
        a="CREATE TABLE a (id INT PRIMARY KEY, x INT);",
        b="CREATE TRIGGER second BEFORE INSERT ON a FOR EACH ROW SET NEW.x = NEW.x + 1;",
        c="CREATE TRIGGER first BEFORE INSERT ON a FOR EACH ROW PRECEDES second SET NEW.x = NEW.x * 2;",
        d="CREATE TABLE d (id INT PRIMARY KEY);",
    )
    place.build("CREATE TABLE a (id INT PRIMARY KEY, x INT)", "CREATE TABLE d (id INT PRIMARY KEY)")
    assert place.run().said("adoption.planned")[0]["missing"] == ["trigger first", "trigger second"]
    place.build("INSERT INTO a VALUES (1, 5)", "DROP TRIGGER first", "DROP TABLE schemagate_journal")
    assert place.run().said("adoption.planned")[0]["missing"] == ["trigger first"]
    place.build("INSERT INTO a VALUES (2, 5)")
    assert place.database.rows("SELECT id, x FROM a ORDER BY id") == ((1, 11), (2, 11))


def test_triggers_that_are_missing_act_before_one_that_is_there(place: Place) -> None:
    """Where no statement says so, since it made them first; and one in front of another that is missing, too."""
    add, double = "FOR EACH ROW SET NEW.x = NEW.x + 1;", "FOR EACH ROW SET NEW.x = NEW.x * 2;"
    place.write(
        a="CREATE TABLE a (id INT PRIMARY KEY, x INT);",
        b=f"CREATE TRIGGER one BEFORE INSERT ON a {add} CREATE TRIGGER three BEFORE INSERT ON a {double} "
        f"CREATE TRIGGER two BEFORE INSERT ON a FOR EACH ROW PRECEDES three SET NEW.x = 10 * NEW.x;",
        c="CREATE TRIGGER zero BEFORE INSERT ON a FOR EACH ROW PRECEDES one SET NEW.x = NEW.x - 1;",
    )
    place.build("CREATE TABLE a (id INT PRIMARY KEY, x INT)", f"CREATE TRIGGER three BEFORE INSERT ON a {double}")
    planned = place.run().said("adoption.planned")[0]
    assert planned["missing"] == ["trigger one", "trigger two", "trigger zero"]
    place.build("INSERT INTO a VALUES (1, 5)")
    assert place.database.rows("SELECT x FROM a") == ((100,),)


def test_each_difference_has_the_migration_that_made_its_clause(place: Place) -> None:
    """Not the one that changed the table last: a column is that of the CREATE TABLE, and so is the table."""
    place.write(
        a="CREATE TABLE a (id INT PRIMARY KEY, x INT); CREATE TABLE b (id INT PRIMARY KEY);",
        b="ALTER TABLE a ADD COLUMN y INT; ALTER TABLE b ADD COLUMN y INT;",
        c="ALTER TABLE a MODIFY y BIGINT;",
    )
    place.build("CREATE TABLE a (id INT PRIMARY KEY, x BIGINT, y INT NOT NULL)")
    told = place.refused("baseline", "--to", "c")
    assert {f"{each['name']} {each['part']}": each["migration"] for each in told["differences"]} == {
        "a column x": "a",
        "a column y": "c",
        "b ": "a",
    }


def test_no_part_of_a_value_is_told_of_what_is_added(place: Place) -> None:
    """Not where a text is cut in the middle of it, and not as a server quotes it."""
    base, last = "CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(400))", "CREATE TABLE z (id INT PRIMARY KEY)"
    value = "".join(random.Random(5).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=250))
    place.write(
        a=f"{base};",
        b="CREATE TABLE b (id INT); ALTER TABLE a ADD KEY k (v(9)), ADD d DATETIME DEFAULT (CONCAT('${TOKEN}', v));",
        z=f"{last};",
    )
    place.build(base, last, "ALTER TABLE a ADD KEY k (v(9))", "INSERT INTO a VALUES (1, 'x')")
    for words, code in (("up --dry-run", 32), ("up", 32), ("status", 0)):
        ended = place.run(*words.split(), expected=code, SCHEMAGATE_VAR_TOKEN=value, SCHEMAGATE_LOG_LEVEL="debug")
        assert not [value[at : at + 8] for at in range(240) if value[at : at + 8] in str(ended.lines)]
    place.database.run("DELETE FROM a")
    for words in ("up --dry-run", "up"):
        ended = place.run(*words.split(), SCHEMAGATE_VAR_TOKEN=value, SCHEMAGATE_LOG_LEVEL="debug")
        assert not [value[at : at + 8] for at in range(240) if value[at : at + 8] in str(ended.lines)]


def test_a_file_whose_event_that_runs_once_is_there_is_not_run_whole(place: Place) -> None:
    """Its table is made, and its event is not made again; another file's event keeps nobody from what is missing."""
    event = "CREATE EVENT {} ON SCHEDULE AT '2036-01-01 00:00:00' DO DELETE FROM a"
    base, last = "CREATE TABLE a (id INT PRIMARY KEY)", "CREATE TABLE z (id INT PRIMARY KEY)"
    place.write(
        a=f"{base};",
        b=f"CREATE TABLE b (id INT PRIMARY KEY); {event.format('e')};",
        c=f"CREATE TABLE c (id INT PRIMARY KEY); CREATE TABLE d (id INT PRIMARY KEY); {event.format('f')};",
        z=f"{last};",
    )
    place.build(base, event.format("e"), last)
    ended = place.run()
    assert [(line["migration"], line["kind"]) for line in ended.said("statement.skipped")] == [("b", "create event")]
    assert place.database.rows("SELECT COUNT(*) FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()") == (
        (2,),
    )
    assert place.database.objects() >= {("table", each) for each in "abcdz"}


def test_a_view_of_which_a_column_is_gone_keeps_nobody_from_the_rehearsal(place: Place) -> None:
    """It says before the first change that what is missing cannot be added as it was."""
    place.write(
        a="CREATE TABLE t (id INT PRIMARY KEY, a INT);",
        b="ALTER TABLE t ADD COLUMN b INT; CREATE VIEW v AS SELECT id, b FROM t; CREATE VIEW w AS SELECT b FROM v;",
        c="CREATE TRIGGER one BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1;",
        d="CREATE TRIGGER two BEFORE INSERT ON t FOR EACH ROW SET NEW.a = NEW.a + 1; CREATE TABLE u (id INT);",
    )
    place.build("CREATE TABLE t (id INT PRIMARY KEY, a INT, b INT)", "INSERT INTO t VALUES (1, 1, 1)")
    place.build(
        "CREATE VIEW v AS SELECT id, b FROM t", "CREATE VIEW w AS SELECT b FROM v", "ALTER TABLE t DROP COLUMN b"
    )
    assert not place.run("up", "--dry-run").said("rehearsal.skipped")
    place.run()
    assert place.database.rows("SELECT * FROM w") == ((None,),)


def test_nothing_is_dropped_to_adopt(place: Place) -> None:
    """A column that no migration makes is in the way: what becomes of it is for a person to say."""
    place.write(a="CREATE TABLE a (id INT PRIMARY KEY);")
    place.build("CREATE TABLE a (id INT PRIMARY KEY, more INT)")
    told = place.refused()
    assert [(each["loses"] == "nothing", each["sql"]) for each in told["ddl"]] == [
        (False, "ALTER TABLE `a` DROP COLUMN `more`")
    ]


def test_what_a_newer_image_drops_may_still_be_added(place: Place) -> None:
    """An adoption that did not end is gone on with by the next release, which drops what was to be added, or names it
    otherwise: that comes behind it.
    """
    place.write(
        a="CREATE TABLE a (id INT PRIMARY KEY);",
        b="CREATE TABLE seed (id INT PRIMARY KEY); INSERT INTO seed SELECT 1 FROM a;",
        c="ALTER TABLE a ADD x INT, ADD y INT; CREATE TABLE more (id INT PRIMARY KEY);",
        d="ALTER TABLE a ADD z INT;",
    )
    place.build("CREATE TABLE a (id INT PRIMARY KEY, y INT, z INT)", "INSERT INTO a VALUES (1, 1, 1), (2, 2, 2)")
    place.run(expected=30)
    place.build("DELETE FROM a WHERE id = 2")
    place.write(e="ALTER TABLE a DROP COLUMN x; RENAME TABLE more TO other;")
    place.run()
    assert place.database.rows("SELECT * FROM a") == ((1, 1, 1),)
    assert {("table", "other"), ("table", "seed")} <= place.database.objects()


SWAP = """CREATE TABLE n (id INT PRIMARY KEY, v INT, w INT);
INSERT INTO n (id) SELECT id FROM a WHERE v > 1;
RENAME TABLE a TO o, n TO a;
DROP TABLE o;
"""
ANEW = "DROP TABLE a; CREATE TABLE a (id INT PRIMARY KEY, v INT, w INT); INSERT INTO a VALUES (9, 9, 9);"
FILLED = "CREATE TABLE q (id INT); INSERT INTO q VALUES (1);"
EMPTIED = "TRUNCATE TABLE a; INSERT INTO a VALUES (1, 5);"


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        (SWAP, "ALTER TABLE a DROP COLUMN w"),
        (ANEW, "ALTER TABLE a DROP COLUMN w"),
        (f"RENAME TABLE a TO o, b TO a, o TO b; {FILLED}", "DROP TABLE q"),
        (f"ALTER TABLE a DROP COLUMN v, ADD COLUMN v INT; {FILLED}", "DROP TABLE q"),
        ("UPDATE a SET v = v * 100; ALTER TABLE a ADD KEY k (v);", "ALTER TABLE a DROP KEY k"),
        (f"{EMPTIED} ALTER TABLE a ADD CHECK (v > 0);", "ALTER TABLE a DROP CONSTRAINT {check}"),
    ],
    ids=["a table in the place of another", "made anew", "swapped", "a column made anew", "an index", "a check"],
)
def test_rows_that_are_there_survive_a_file_that_would_replace_them(place: Place, text: str, missing: str) -> None:
    """It may have run, and lost something since: what is missing is added, and what changes rows is listed."""
    base = ("CREATE TABLE a (id INT PRIMARY KEY, v INT)", "CREATE TABLE b (id INT PRIMARY KEY, v INT)")
    place.write(a=f"{base[0]}; {base[1]};", b=text, c="ALTER TABLE b ADD z INT;")
    place.run("snapshot")
    check = "a_chk_1" if place.database.server.flavour == "mysql" else "CONSTRAINT_1"
    place.build(*base, *text.strip().rstrip(";").split(";"), "ALTER TABLE b ADD z INT", missing.format(check=check))
    place.build(
        "DELETE FROM a", "DELETE FROM b", "INSERT INTO a (id, v) VALUES (1, 1), (2, 2)", "INSERT INTO b (id) VALUES (3)"
    )
    ended = place.run()
    assert ended.said("statement.skipped")
    assert place.database.rows("SELECT id, v FROM a") == ((1, 1), (2, 2))
    assert place.database.rows("SELECT id FROM b") == ((3,),)
    assert place.run("diff", "live", "snapshot").code == 0


@pytest.mark.parametrize(
    "made", ["VIEW w AS SELECT * FROM a", "TABLE w LIKE a", "TABLE w AS SELECT * FROM a"], ids=["view", "like", "query"]
)
def test_what_was_made_of_all_columns_gets_those_that_there_were(place: Place, made: str) -> None:
    """Its source has more of them by now."""
    base = "CREATE TABLE a (id INT PRIMARY KEY, v INT)"
    place.write(a=f"{base};", b=f"CREATE {made}; CREATE TABLE q (id INT);", c="ALTER TABLE a ADD c INT;")
    place.run("snapshot")
    place.build(base, "ALTER TABLE a ADD c INT", "CREATE TABLE q (id INT)", "INSERT INTO a VALUES (1, 1, 1)")
    place.run()
    assert place.run("diff", "live", "snapshot").code == 0


def test_a_file_that_would_make_something_else_now_is_told_as_such(place: Place) -> None:
    """It has data statements and is run as it is written: nobody has changed anything by hand."""
    base = "CREATE TABLE a (id INT PRIMARY KEY, v INT)"
    place.write(a=f"{base};", b="CREATE TABLE w AS SELECT * FROM a;", c="ALTER TABLE a ADD c INT;")
    place.run("snapshot")
    place.build(base, "ALTER TABLE a ADD c INT", "INSERT INTO a VALUES (1, 1, 1)")
    said = place.refused()
    assert "would make something else of what is there now" in said["message"]
    place.build(*(each["sql"] for each in said["ddl"]))
    place.run()


def test_a_table_with_partitions_is_no_data_statement(place: Place) -> None:
    """VALUES LESS THAN says where rows belong, and brings none."""
    parts = "PARTITION BY RANGE (id) (PARTITION low VALUES LESS THAN (10), PARTITION high VALUES LESS THAN MAXVALUE)"
    lists = "PARTITION BY LIST (id) (PARTITION odd VALUES IN (1, 3))"
    place.write(
        a="CREATE TABLE a (id INT PRIMARY KEY);",
        b=f"ALTER TABLE a ADD y INT; CREATE TABLE p (id INT PRIMARY KEY) {parts}; CREATE TABLE l (id INT) {lists};",
    )
    place.build("CREATE TABLE a (id INT PRIMARY KEY, y INT)", f"CREATE TABLE p (id INT PRIMARY KEY) {parts}")
    ended = place.run()
    assert ended.said("baseline.found")[0]["statements"] == 2
    assert not ended.said("statement.skipped")


def test_what_only_data_statements_need_is_not_asked_for(place: Place) -> None:
    """They are not run, where a part of their file was there; and what a variable was to hold may be gone."""
    place.write(
        a="CREATE TABLE a (id INT PRIMARY KEY, v INT); CREATE TABLE gone (id INT PRIMARY KEY);",
        b="CREATE TABLE more (id INT PRIMARY KEY);",
        c="SET @n = (SELECT COUNT(*) FROM gone); ALTER TABLE a ADD KEY k (v); INSERT INTO a SELECT @n, 1;"
        "ALTER TABLE a ADD y INT;",
        d="DROP TABLE gone; ALTER TABLE a ADD z INT;",
    )
    place.build("CREATE TABLE a (id INT PRIMARY KEY, v INT, y INT, z INT)", "INSERT INTO a VALUES (7, 7, 7, 7)")
    place.run()
    assert place.database.rows("SELECT * FROM a") == ((7, 7, 7, 7),)


def test_what_is_missing_is_added_beside_names_that_the_server_gave(database: Database, tmp_path: Path) -> None:
    """The key that is there under another number is not added again."""
    place = Place(database, tmp_path / "migrations").write(
        a="CREATE TABLE parent (id INT PRIMARY KEY);\nCREATE TABLE child (a INT, b INT, c INT);\n"
        "ALTER TABLE child ADD FOREIGN KEY (a) REFERENCES parent (id), ADD KEY by_c (c);",
    )
    place.build(
        "CREATE TABLE parent (id INT PRIMARY KEY)",
        "CREATE TABLE child (a INT, b INT, c INT, KEY (a))",
        "ALTER TABLE child ADD CONSTRAINT child_ibfk_7 FOREIGN KEY (a) REFERENCES parent (id)",
    )
    planned = place.run().said("adoption.planned")
    assert planned[0]["missing"] == ["table child, index by_c"]
    assert "child_ibfk_7" in place.database.rows("SHOW CREATE TABLE child")[0][1]


def test_a_refusal_lists_what_fills_a_table_that_its_statements_make(place: Place) -> None:
    """Also of a file whose own part is there: into a table that is not there, nobody has put anything."""
    place.write(
        a="CREATE TABLE a (id INT PRIMARY KEY, v INT);",
        b="CREATE TABLE seed (id INT PRIMARY KEY);",
        c="ALTER TABLE a MODIFY v BIGINT;",
        d="ALTER TABLE a ADD z INT;\nUPDATE a SET z = 1;\nINSERT INTO seed VALUES (2);",
    )
    place.build("CREATE TABLE a (id INT PRIMARY KEY, v INT, z INT)")
    assert place.refused()["not_done"] == ["d:3 insert"]


def test_a_refusal_lists_what_its_statements_do_not_do_to_rows(place: Place) -> None:
    """Who follows them has a table without its seeds, and nobody says so any more."""
    place.write(
        a="CREATE TABLE a (id INT PRIMARY KEY, v INT);",
        b="CREATE TABLE seed (id INT PRIMARY KEY);\nINSERT INTO seed VALUES (1);",
        c="UPDATE a SET v = v + 1;",
        d="ALTER TABLE a ADD z INT;",
    )
    place.build(
        "CREATE TABLE a (id INT PRIMARY KEY, v INT)", "ALTER TABLE a ADD z INT", "INSERT INTO a VALUES (1, 1, 1)"
    )
    said = place.refused()
    assert said["message"].endswith("to do: b line 2 (insert), c line 1 (update).")
    assert said["not_done"] == ["b:2 insert", "c:1 update"]
    place.build(*(each["sql"] for each in said["ddl"]))
    place.run()
