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


def test_one_in_the_middle_of_a_file_that_changes_rows_is_shown_the_way_on(place: Place) -> None:
    """Whether it has changed them cannot be seen; the way on loses nothing, and the way back would."""
    place.write(
        a="CREATE TABLE a (id INT PRIMARY KEY, t VARCHAR(9));",
        b="ALTER TABLE a ADD s VARCHAR(9);\nUPDATE a SET s = LOWER(t);\nALTER TABLE a MODIFY s VARCHAR(9) NOT NULL;\n"
        "CREATE UNIQUE INDEX u ON a (s);",
        c="CREATE TABLE c (id INT);",
    )
    place.run("snapshot")
    place.build("CREATE TABLE a (id INT PRIMARY KEY, t VARCHAR(9))", "ALTER TABLE a ADD s VARCHAR(9)")
    place.build("INSERT INTO a VALUES (1, 'A', NULL)")
    said = place.refused()
    assert "it is as after statement 1 of b" in said["message"]
    assert (said["nearest"], said["not_done"]) == ("b", ["b:2 update"])
    assert all(each["loses"] in ("nothing", "rows with NULL refuse it") for each in said["ddl"])
    place.build("UPDATE a SET s = LOWER(t)", *(each["sql"] for each in said["ddl"]))
    place.run()
    assert place.database.rows("SELECT * FROM a") == ((1, "A", "a"),)


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


def test_tables_of_others_are_named_where_they_are_asked_about(place: Place) -> None:
    """And not what is missing of ours, which could be added."""
    place.write(a="CREATE TABLE a (id INT, n INT);").build("CREATE TABLE a (id INT)", "CREATE TABLE theirs (id INT)")
    place.run("snapshot")
    said = place.refused(SCHEMAGATE_FOREIGN="drift")
    assert "table theirs is not expected" in said["message"]
    assert "ddl" not in said
    place.build("DROP TABLE theirs")
    place.run(SCHEMAGATE_FOREIGN="drift")


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


# --- what is no state -------------------------------------------------------------------------------------------------


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


def test_off_leaves_a_view_of_ours_as_it_is(place: Place) -> None:
    """What a repeatable migration would replace may be somebody's."""
    place.write(a=SAME["a"], R_w="CREATE OR REPLACE VIEW w AS SELECT 1 AS one;").build(
        "CREATE VIEW w AS SELECT 2 AS two"
    )
    place.refused(SCHEMAGATE_ADOPT="off")
    place.run()


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
