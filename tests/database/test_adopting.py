"""Databases that were migrated without us: taken over as they are, completed, or refused before anything is changed."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from schemagate.schema import Schema, compare
from tests.database import field, schemas
from tests.database.place import Place
from tests.database.shipped import MIGRATIONS, apply, files, read, session
from tests.databases import Database

NAMES = [path.stem for path in files()]
FIELD = sorted((Path(__file__).parent / "in_the_field").glob("*.sql"))
DOCS = MIGRATIONS.parent / "docs/adopting.md"

Rows = dict[str, list[tuple[tuple[str, str], ...]]]


@pytest.fixture
def place(database: Database, tmp_path: Path) -> Place:
    """A schema and no migrations yet."""
    return Place(database, tmp_path / "migrations")


@pytest.fixture
def shipped(database: Database) -> Place:
    """The shipped migrations, with their snapshot."""
    return Place(database, MIGRATIONS)


@pytest.fixture
def expected(database: Database) -> Schema:
    """What the shipped migrations build on this server; the schema is empty again."""
    connection = session(database)
    apply(connection, *files())
    connection.close()
    found = schemas.read(database)
    field.emptied(database)
    return found


# --- as after a migration -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", range(1, len(NAMES) + 1))
def test_every_state_that_the_shipped_migrations_go_through_is_recognised(shipped: Place, count: int) -> None:
    """The migrations up to it are noted as applied, with how that is known, and the rest is run."""
    apply(session(shipped.database), *files()[:count])
    ended = shipped.run()
    (found,) = ended.said("baseline.found")
    assert (found["migration"], found["migrations"]) == (NAMES[count - 1], count)
    assert [line["migration"] for line in ended.said("migration.applied")] == NAMES[count:]
    notes = {name: note for name, _, outcome, note in shipped.noted() if outcome == "applied"}
    assert [name for name, note in notes.items() if note] == NAMES[:count]
    assert set(notes.values()) <= {"baseline: the schema was exactly that after this migration", ""}
    assert shipped.run().lines[-1]["unchanged"] is True


def test_one_in_the_middle_of_a_file_goes_on_there(place: Place) -> None:
    """A script that died between two statements leaves no doubt where only structure is changed."""
    place.write(
        a="CREATE TABLE a (id INT PRIMARY KEY, x VARCHAR(5));",
        b="ALTER TABLE a MODIFY x VARCHAR(9); ALTER TABLE a MODIFY x VARCHAR(20); CREATE TABLE c (id INT);",
    )
    place.build("CREATE TABLE a (id INT PRIMARY KEY, x VARCHAR(9))")
    (found,) = place.run().said("baseline.found")
    assert (found["migration"], found["statements"]) == ("b", 1)
    assert place.database.objects() >= {("table", "a"), ("table", "c")}


SAME = {
    "a": "CREATE TABLE a (id INT PRIMARY KEY);",
    "b": "INSERT INTO a VALUES (1);",
    "c": "CREATE TABLE c (id INT);",
}


def test_a_migration_that_changes_rows_alone_is_asked_about(place: Place) -> None:
    """The schema is the same before and after it: both are named, and `baseline --to` decides."""
    place.write(**SAME).build("CREATE TABLE a (id INT PRIMARY KEY)")
    told = place.refused()
    assert told["candidates"] == ["a", "b"]
    assert told["next"] == "schemagate baseline --to b"
    place.run("baseline", "--to", "a")
    place.run()
    assert place.database.rows("SELECT id FROM a") == ((1,),)


def test_what_is_said_to_have_run_is_not_run(place: Place) -> None:
    """And the note says who said it."""
    place.write(**SAME).build("CREATE TABLE a (id INT PRIMARY KEY)", "INSERT INTO a VALUES (1)")
    assert "'z' is none of the migrations" in place.run("baseline", "--to", "z", expected=10).lines[-1]["message"]
    place.run("baseline", "--to", "b.sql")
    assert {note.rpartition(", ")[2] for *_, note in place.noted()} == {"and a person said that it is the last"}
    place.run()
    assert place.database.rows("SELECT id FROM a") == ((1,),)


def test_a_file_in_which_nothing_lasts_is_not_asked_about(place: Place) -> None:
    """Empty, or with nothing but a setting of the session or a query: it has nothing to lose by either answer."""
    place.write(a=SAME["a"], b="-- nothing yet\n", c="SET @x = 1; SELECT @x;")
    place.build("CREATE TABLE a (id INT PRIMARY KEY)")
    (found,) = place.run().said("baseline.found")
    assert found["migration"] == "c"


def test_a_file_that_makes_what_is_there_is_not_asked_about(place: Place) -> None:
    """With IF NOT EXISTS: whether it was run makes no difference, be something missing or not."""
    again = "CREATE TABLE IF NOT EXISTS a (id INT PRIMARY KEY, more INT);"
    place.write(a="CREATE TABLE a (id INT PRIMARY KEY);", b=again, c="CREATE TABLE c (id INT, INDEX (id));")
    place.build("CREATE TABLE a (id INT PRIMARY KEY)")
    assert place.run().said("baseline.found")[0]["migration"] == "b"
    place.build("DROP TABLE schemagate_journal", "ALTER TABLE c DROP INDEX id")
    assert place.run().said("adoption.planned")[0]["migrations"] == ["c"]


def test_a_file_that_would_drop_what_is_there_is_asked_about(place: Place) -> None:
    """What it drops IF EXISTS, no migration makes; was it never run, or made again since?"""
    place.write(a="CREATE TABLE a (id INT PRIMARY KEY);", b="DROP TABLE IF EXISTS other;", c="CREATE TABLE c (n INT);")
    place.build("CREATE TABLE a (id INT PRIMARY KEY)", "CREATE TABLE other (id INT)")
    assert place.refused()["candidates"] == ["a", "b"]


def test_dry_run_and_detect(place: Place) -> None:
    """Told, and only written without --dry-run; where there is a journal, there is nothing to say."""
    place.write(a=SAME["a"], c=SAME["c"]).build("CREATE TABLE a (id INT PRIMARY KEY)")
    before = schemas.read(place.database)
    assert "would be noted" in place.run("baseline", "--detect", "--dry-run").lines[-1]["message"]
    assert place.database.objects() == {("table", "a")}
    place.run("baseline", "--detect")
    assert [(name, outcome) for name, _, outcome, _ in place.noted()] == [("a", "applied")]
    assert compare(before, schemas.read(place.database)) == ()
    place.run("baseline", "--detect", expected=12)
    place.run()


def test_a_baseline_that_is_not_true_is_refused(place: Place) -> None:
    """A person's word is compared with the schema, too: the message has what is missing, and the DDL for it."""
    place.write(a=SAME["a"], c=SAME["c"]).build("CREATE TABLE a (id INT PRIMARY KEY)")
    told = place.refused("baseline", "--to", "c")
    assert [(each["name"], each["migration"]) for each in told["differences"]] == [("c", "c")]
    assert [each["sql"].split("(")[0] for each in told["ddl"]] == ["CREATE TABLE `c` "]


def test_programs_that_were_made_in_another_session_are_told_with_the_session_that_they_need(place: Place) -> None:
    """As MariaDB's client makes them, whose sql_mode is another one; in it, the statements given do what they say."""
    made = ("CREATE TABLE a (id INT PRIMARY KEY)", "CREATE TRIGGER g BEFORE INSERT ON a FOR EACH ROW SET NEW.id = 1")
    place.write(a=f"{made[0]};", b=f"{made[1]};")
    place.build("SET SESSION sql_mode = 'NO_ENGINE_SUBSTITUTION'", *made)
    told = place.refused()
    assert "sql_mode" in told["message"]
    place.build("SET SESSION sql_mode = 'NO_ENGINE_SUBSTITUTION'", *(each["sql"] for each in told["ddl"]))
    place.run()


# --- strangers ------------------------------------------------------------------------------------------------------


def test_tables_of_others_are_left_alone(shipped: Place) -> None:
    """They are in no state of the migrations, and it is found all the same."""
    apply(session(shipped.database), *files())
    shipped.build("CREATE TABLE theirs (id INT)", "CREATE VIEW view_of_theirs AS SELECT id FROM theirs")
    ended = shipped.run()
    assert ended.said("schema.verified")[0]["foreign"] == ["table theirs", "view view_of_theirs"]
    shipped.run(SCHEMAGATE_FOREIGN="drift", expected=32)


def test_a_database_with_nothing_but_tables_of_others_is_an_empty_one(place: Place) -> None:
    """All is built."""
    place.write(**SAME).build("CREATE TABLE theirs (id INT)")
    ended = place.run()
    assert not ended.said("baseline.found")
    assert place.database.rows("SELECT id FROM a") == ((1,),)


@pytest.mark.parametrize("theirs", ["TABLE A (x INT)", "VIEW A AS SELECT 1 AS x", "PROCEDURE A() SELECT 1"])
@pytest.mark.parametrize("there", [True, False])
def test_somebody_elses_may_have_our_name_in_other_letters(place: Place, theirs: str, there: bool) -> None:
    """Where the server takes them for two; every start says the same of it."""
    place.write(a="CREATE TABLE a (id INT PRIMARY KEY);")
    place.build(*["CREATE TABLE a (id INT PRIMARY KEY)"] * there, f"CREATE {theirs}")
    for words in ("up --dry-run", "up", "check", "up"):
        place.run(*words.split())
    assert ("table", "a") in place.database.objects()


TRIGGERS = """
    CREATE TRIGGER b1 BEFORE INSERT ON a FOR EACH ROW SET NEW.n = 1;
    CREATE TRIGGER b2 BEFORE INSERT ON a FOR EACH ROW FOLLOWS b1 SET NEW.n = 2;
    CREATE TRIGGER b0 BEFORE INSERT ON a FOR EACH ROW PRECEDES b1 SET NEW.n = 0;
    CREATE TRIGGER b15 BEFORE INSERT ON a FOR EACH ROW FOLLOWS b1 SET NEW.n = 15;
"""


def test_whichever_triggers_are_missing_act_in_their_order_again(database: Database, tmp_path: Path) -> None:
    """Each subset of four, healed, and adopted."""
    place = Place(database, tmp_path / "migrations").write(a="CREATE TABLE a (id INT, n INT);", b=TRIGGERS)
    place.run("snapshot")
    place.run()
    whole = schemas.read(database)
    subsets = [
        [name for at, name in enumerate(("b0", "b1", "b15", "b2")) if number >> at & 1] for number in range(1, 16)
    ]
    for names in subsets:
        place.build(*(f"DROP TRIGGER {name}" for name in names))
        place.run()
        assert compare(whole, schemas.read(database)) == (), names
    for names in subsets:
        place.build(*(f"DROP TRIGGER {name}" for name in names))
        place.build("DROP TABLE schemagate_journal, schemagate_starts, schemagate_verified")
        place.run()
        assert compare(whole, schemas.read(database)) == (), names


@pytest.mark.parametrize(
    ("rest", "rows"),
    [("CREATE TABLE b (id INT);\nUPDATE a SET n = n * 2;", 20), ("CREATE TABLE b (id INT);", None)],
)
def test_rows_are_not_changed_by_what_may_have_run_before_a_table_was_dropped(
    place: Place, rest: str, rows: int | None
) -> None:
    """One in the middle of a file may be one that has lost a table since: what is missing is added, and no more."""
    place.write(a=f"CREATE TABLE a (id INT PRIMARY KEY, n INT);\n{rest}")
    if rows is None:
        place.write(b="UPDATE a SET n = n * 2")
    place.build("CREATE TABLE a (id INT PRIMARY KEY, n INT)", "INSERT INTO a VALUES (1, 20)")
    if rows is None:
        assert "whether b was run cannot be seen" in place.refused()["message"]
    else:
        assert [each["line"] for each in place.run().said("statement.skipped")] == [3]
    assert place.database.rows("SELECT n FROM a") == ((20,),)


# --- databases in the field -----------------------------------------------------------------------------------------


def outcomes() -> dict[str, str]:
    """By the table in the docs: what happens to each."""
    return dict(re.findall(r"^\| `(\w+)` \|.*\| (completed|refused)[^|]*\|$", DOCS.read_text("utf-8"), re.MULTILINE))


def test_the_docs_have_each_database_in_the_field() -> None:
    """And none that nobody tries."""
    assert sorted(outcomes()) == [path.stem for path in FIELD]


@pytest.mark.parametrize("path", FIELD, ids=[path.stem for path in FIELD])
def test_a_database_in_the_field_is_completed_or_refused_as_the_docs_say(
    shipped: Place, expected: Schema, path: Path
) -> None:
    """No row is changed. One that is refused is told each difference, whose it is, and the DDL that brings it: once
    that is run, the database is taken over.
    """
    apply(session(shipped.database), *files())
    shipped.build(*(each.text for each in read(path.read_text(), path.name)))
    field.fill(shipped.database, random.Random(path.stem), fewest=1)
    before, rows = schemas.read(shipped.database), field.rows(shipped.database)
    assert all(rows.values()), "each table is to have rows"
    if outcomes()[path.stem] == "refused":
        told = shipped.refused()
        wrong = compare(expected, before)
        if told["nearest"] == NAMES[-1]:
            assert {(each["name"], each["part"]) for each in told["differences"]} == {(d.name, d.part) for d in wrong}
            assert all(each["migration"] in NAMES for each in told["differences"])
            if all(each["loses"] == "nothing" for each in told["ddl"]):
                shipped.build(*(each["sql"] for each in told["ddl"]))
                shipped.run()
    else:
        ended = shipped.run()
        assert len(ended.said("adoption.planned")) + len(ended.said("baseline.found")) == 1
    assert compare(expected, schemas.read(shipped.database)) == () or outcomes()[path.stem] == "refused"
    assert field.kept(rows, shipped.database) == []


def test_every_difference_of_the_worst_of_them_is_told_at_once(shipped: Place) -> None:
    """With the migration that should have made it, and whether the DDL that brings it loses anything."""
    apply(session(shipped.database), *files())
    worst = next(path for path in FIELD if path.stem == "all_of_it_at_once")
    shipped.build(*(each.text for each in read(worst.read_text(), worst.name)))
    told = shipped.refused()
    makers = {f"{each['name']} {each['part']}".strip(): each["migration"] for each in told["differences"]}
    assert makers["workflows column target_module"] == "20251116_add_target_module_to_workflows"
    assert makers["workflows column status"] == "20251126_add_task_description_and_status"
    assert makers["workflows column output_mode"] == "20251121_add_output_mode_to_workflows"
    assert makers["workflows index idx_pr_url"] == "20251121_add_pr_url_to_workflows"
    assert makers["workflow_messages option COLLATE"] == "20251129_add_workflow_messages"
    assert makers["sub_workflow_queue"] == "20251123_add_workflow_hierarchy"
    losing = {each["sql"] for each in told["ddl"] if each["loses"] != "nothing"}
    assert losing, "output_mode loses values"
    assert all("output_mode" in sql for sql in losing)


# --- what is added and what is not ----------------------------------------------------------------------------------


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


def test_what_cannot_be_followed_is_never_taken_for_what_was_not_run(place: Place) -> None:
    """A CALL ends what the shadow can tell. That a later table is there says that the state before it is not this one:
    nobody is told to say so, and nothing is called twice.
    """
    place.write(
        a="CREATE TABLE a (id INT PRIMARY KEY AUTO_INCREMENT); CREATE PROCEDURE add_one() INSERT INTO a VALUES ();",
        b="CALL add_one();",
        c="CREATE TABLE c (id INT PRIMARY KEY);",
    )
    place.run()
    place.build("DROP TABLE schemagate_journal")
    told = place.refused()
    assert "candidates" not in told
    assert "no-structure" in told["message"]
    place.refused("baseline", "--to", "a")
    place.write(b="-- schemagate: no-structure\nCALL add_one();").run()
    assert place.database.rows("SELECT id FROM a") == ((1,),)


def test_a_migration_that_needs_a_table_of_others_leaves_the_states_before_it(place: Place) -> None:
    """The shadow does not have that table; a person can say where the database stands, and the rest is run."""
    place.write(
        a="CREATE TABLE a (id INT PRIMARY KEY);",
        b="ALTER TABLE a ADD CONSTRAINT fk FOREIGN KEY (id) REFERENCES theirs (id);",
    )
    place.build("CREATE TABLE theirs (id INT PRIMARY KEY)", "CREATE TABLE a (id INT PRIMARY KEY)")
    told = place.refused()
    assert told["next"] == "schemagate baseline --to a"
    place.run("baseline", "--to", "a")
    place.run()
    assert "REFERENCES `theirs`" in place.database.rows("SHOW CREATE TABLE a")[0][1]


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


def test_off_leaves_a_view_of_ours_as_it_is(place: Place) -> None:
    """What a repeatable migration would replace may be somebody's."""
    place.write(a=SAME["a"], R_w="CREATE OR REPLACE VIEW w AS SELECT 1 AS one;").build(
        "CREATE VIEW w AS SELECT 2 AS two"
    )
    place.refused(SCHEMAGATE_ADOPT="off")
    place.run()


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


def test_exact_adds_nothing_and_off_adopts_nothing(shipped: Place) -> None:
    """SCHEMAGATE_ADOPT."""
    apply(session(shipped.database), *files())
    shipped.refused(SCHEMAGATE_ADOPT="off")
    shipped.build("DROP TABLE module_settings")
    shipped.refused(SCHEMAGATE_ADOPT="exact")
    shipped.refused("baseline", "--detect", SCHEMAGATE_ADOPT="exact")  # it foretells what `up` does
    shipped.run("baseline", "--detect", SCHEMAGATE_ADOPT="add")
    shipped.run(SCHEMAGATE_ADOPT="add")


def test_a_table_that_a_person_renamed_gets_no_empty_twin(place: Place) -> None:
    """One that no migration makes has its columns, be it as they were before the last migration: a person is asked."""
    place.write(
        a="CREATE TABLE a (id INT PRIMARY KEY, name VARCHAR(40)); CREATE TABLE b (id INT PRIMARY KEY, n INT);",
        b="ALTER TABLE a ADD COLUMN email VARCHAR(40);",
    )
    place.build("CREATE TABLE old_a (name VARCHAR(40), id INT PRIMARY KEY)")
    place.build("CREATE TABLE b (id INT PRIMARY KEY, n INT)")
    told = place.refused()
    assert "table a may be old_a now, which has its columns" in str(told["message"])
    assert told["ddl"] == [{"loses": "nothing", "sql": "RENAME TABLE `old_a` TO `a`"}]
    place.build("ALTER TABLE old_a ADD COLUMN more INT")
    place.run()


def test_the_newest_table_may_have_been_renamed(place: Place) -> None:
    """What is left is exactly a state of the migrations; a person can say that the other table is another one."""
    made = "CREATE TABLE b (id INT PRIMARY KEY, n INT);"
    fills = "CREATE TRIGGER fills BEFORE INSERT ON b FOR EACH ROW SET NEW.n = 1;"
    place.write(a="CREATE TABLE a (id INT PRIMARY KEY);", b=made + fills, c="CREATE TABLE c (id INT);")
    place.build("CREATE TABLE a (id INT PRIMARY KEY)", made, fills, "RENAME TABLE b TO old_b")
    assert place.refused()["ddl"] == [{"loses": "nothing", "sql": "RENAME TABLE `old_b` TO `b`"}]
    place.build("DROP TRIGGER fills")
    assert "`schemagate baseline --to a`" in str(place.refused()["message"])
    place.run("baseline", "--to", "a")
    place.run()


def test_a_word_that_is_not_true_of_an_empty_schema_is_refused(place: Place) -> None:
    """Nothing of it is there."""
    place.write(**SAME)
    assert "has nothing in it" in place.refused("baseline", "--to", "a")["message"]


def test_an_event_that_runs_once_is_asked_about(place: Place) -> None:
    """It drops itself, and so no schema says whether it was ever made."""
    later = "CREATE EVENT IF NOT EXISTS once ON SCHEDULE AT CURRENT_TIMESTAMP + INTERVAL 1 DAY DO DELETE FROM a;"
    place.write(a="CREATE TABLE a (id INT PRIMARY KEY);", b=later).build("CREATE TABLE a (id INT PRIMARY KEY)")
    assert place.refused()["candidates"] == ["a", "b"]


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
    place.write(a=SAME["a"]).build("CREATE TABLE a (id INT PRIMARY KEY, more INT)")
    told = place.refused()
    assert [(each["loses"] == "nothing", each["sql"]) for each in told["ddl"]] == [
        (False, "ALTER TABLE `a` DROP COLUMN `more`")
    ]


# --- without a shadow -----------------------------------------------------------------------------------------------


def test_without_a_shadow_the_snapshot_is_proof_enough(shipped: Place) -> None:
    """On a server of the kind that wrote it; on the other one, the grant that is missing is named."""
    account = shipped.database.account("ALL ON {database}.*")
    apply(session(shipped.database), *files())
    if shipped.database.server.flavour == "mysql":
        assert shipped.run(account=account).said("baseline.found")[0]["migration"] == NAMES[-1]
        assert shipped.run(account=account).lines[-1]["unchanged"] is True
    else:
        told = shipped.refused(account=account)
        assert f"GRANT ALL ON `{shipped.database.shadow}`" in told["message"]


def test_the_rights_that_show_the_routines_of_others_are_named(place: Place) -> None:
    """ALL on the schema shows no body of a procedure that somebody else made, on MySQL and on older MariaDB."""
    place.write(a=SAME["a"], c=SAME["c"]).build("CREATE TABLE a (id INT PRIMARY KEY)", "CREATE PROCEDURE theirs() DO 1")
    account = place.database.account("ALL ON {database}.*", "ALL ON {shadow}.*")
    mysql = place.database.server.flavour == "mysql"
    right = "SHOW_ROUTINE ON *.*" if mysql else "SELECT ON mysql.proc"
    if mysql or place.database.server.label == "mariadb-10.11":
        assert f"and {right}," in place.refused(account=account)["message"]
        place.database.run(f"GRANT {right} TO '{account[0]}'@'%'")
    assert place.run(account=account).said("baseline.found")[0]["migration"] == "a"


@pytest.mark.parametrize("rights", ["CREATE, DROP", "CREATE, DROP, INSERT", "CREATE, DROP, SELECT"])
def test_a_shadow_that_cannot_be_used_is_not_left_behind(place: Place, rights: str) -> None:
    """An account that may make it, and not fill it or read it."""
    place.write(a=SAME["a"], b="CREATE TABLE b (id INT PRIMARY KEY);").build("CREATE TABLE a (id INT PRIMARY KEY)")
    account = place.database.account("ALL ON {database}.*", f"{rights} ON {{shadow}}.*")
    place.refused(account=account)
    schemas = place.database.rows("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA")
    assert place.database.shadow not in {name for (name,) in schemas}


def test_without_a_shadow_a_database_that_is_not_the_snapshot_is_refused(shipped: Place) -> None:
    """Its state cannot be found out."""
    apply(session(shipped.database), *files()[:9])
    assert "SCHEMAGATE_SHADOW is off" in shipped.refused(SCHEMAGATE_SHADOW="off")["message"]


def test_repeatable_migrations_are_run_after_what_is_found(place: Place) -> None:
    """What they made before is replaced, whichever of their versions it was."""
    place.write(a=SAME["a"], c=SAME["c"], R_numbers="CREATE OR REPLACE VIEW numbers AS SELECT id, 2 AS two FROM a;")
    place.build("CREATE TABLE a (id INT PRIMARY KEY)", "CREATE VIEW numbers AS SELECT id, 1 AS one FROM a")
    ended = place.run()
    assert ended.said("baseline.found")[0]["migration"] == "a"
    assert [row[0] for row in place.database.rows("SHOW COLUMNS FROM numbers")] == ["id", "two"]
    assert place.run().lines[-1]["unchanged"] is True


@pytest.mark.parametrize(
    ("again", "there"),
    [
        ("DROP TRIGGER IF EXISTS g; CREATE TRIGGER g BEFORE INSERT ON a FOR EACH ROW SET NEW.v = 1;", ""),
        ("DROP TRIGGER IF EXISTS g; CREATE TRIGGER g BEFORE INSERT ON a FOR EACH ROW SET NEW.v = 1;", "SET @a = 1"),
        ("CREATE OR REPLACE VIEW w AS SELECT id, 2 AS two FROM a;", ""),
    ],
    ids=["a trigger", "another version of it", "a view that a migration has made first"],
)
@pytest.mark.parametrize("missing", ["", "ALTER TABLE a DROP COLUMN y"], ids=["exact", "something is missing"])
def test_what_repeatable_migrations_have_made_is_theirs(place: Place, again: str, there: str, missing: str) -> None:
    """A schema that is just what all files make is taken over, and nothing of it is to be dropped for that."""
    made = ["CREATE TABLE a (id INT PRIMARY KEY, v INT)", "CREATE VIEW w AS SELECT id FROM a"]
    made += ["ALTER TABLE a ADD y INT", "ALTER TABLE a ADD z INT"]
    place.write(**{f"{number}_once": f"{text};" for number, text in enumerate(made)}, R_again=again)
    place.run("snapshot")
    body = again.partition("FOR EACH ROW ")[2].rstrip(";")
    run = [text.replace(body, there) if there else text for text in again.split("; ")]
    place.build(*made, *run, "INSERT INTO a (id, z) VALUES (1, 1)", *filter(None, [missing]))
    before = place.database.rows("SELECT id, v FROM a")
    ended = place.run()
    assert bool(ended.said("adoption.planned")) == bool(missing)
    assert place.database.rows("SELECT id, v FROM a") == before
    assert place.run("diff", "live", "snapshot").code == 0
    assert place.run().lines[-1]["unchanged"] is True


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


def test_names_that_the_server_gave_are_no_difference(database: Database, tmp_path: Path) -> None:
    """Keys and checks that were made anew by hand have other numbers; each is found by what it says."""
    tables = (
        "CREATE TABLE parent (id INT PRIMARY KEY)",
        "CREATE TABLE child (a INT, b INT, CHECK (a > 1), CHECK (b > 2))",
        "ALTER TABLE child ADD FOREIGN KEY (a) REFERENCES parent (id)",
        "ALTER TABLE child ADD FOREIGN KEY (b) REFERENCES parent (id) ON DELETE CASCADE",
    )
    place = Place(database, tmp_path / "migrations").write(a=";\n".join(tables), b="ALTER TABLE child ADD c INT")
    place.run("snapshot")
    place.build(*tables)
    check = "CONSTRAINT_1" if database.server.flavour == "mariadb" else "child_chk_1"
    place.build(
        "ALTER TABLE child DROP FOREIGN KEY child_ibfk_1",
        "ALTER TABLE child ADD FOREIGN KEY (a) REFERENCES parent (id)",
        f"ALTER TABLE child DROP CONSTRAINT {check}",
        "ALTER TABLE child ADD CHECK (a > 1)",
    )
    assert "child_ibfk_3" in place.database.rows("SHOW CREATE TABLE child")[0][1]
    assert place.run().said("baseline.found")[0]["migration"] == "a"
    assert place.run("check").code == 0
    place.build("ALTER TABLE child DROP FOREIGN KEY child_ibfk_2")
    assert place.run().said("schema.healed")[0]["object"] == "foreign key child_ibfk_2 of table child"
    place.build(
        "ALTER TABLE child DROP FOREIGN KEY child_ibfk_3",
        "ALTER TABLE child ADD FOREIGN KEY (c) REFERENCES parent (id)",
    )
    assert place.run("check", expected=32).lines[-1]["differing"] >= 1


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
