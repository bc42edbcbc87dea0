"""What another tool has noted: a hint where the schema is the same, and a reason to ask where rows are at stake."""

from __future__ import annotations

import pytest

from tests.database.place import Place

SAME = {
    "a": "CREATE TABLE a (id INT PRIMARY KEY);",
    "b": "INSERT INTO a VALUES (1);",
    "c": "CREATE TABLE c (id INT);",
}


FLYWAY = """
    CREATE TABLE flyway_schema_history (
        installed_rank INT PRIMARY KEY, version VARCHAR(50), description VARCHAR(200) NOT NULL,
        type VARCHAR(20) NOT NULL, script VARCHAR(1000) NOT NULL, checksum INT, installed_by VARCHAR(100) NOT NULL,
        installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, execution_time INT NOT NULL,
        success TINYINT(1) NOT NULL)
"""
LIQUIBASE = """
    CREATE TABLE DATABASECHANGELOG (
        ID VARCHAR(255) NOT NULL, AUTHOR VARCHAR(255) NOT NULL, FILENAME VARCHAR(255) NOT NULL,
        DATEEXECUTED DATETIME NOT NULL, ORDEREXECUTED INT NOT NULL, EXECTYPE VARCHAR(10) NOT NULL, MD5SUM VARCHAR(35),
        DESCRIPTION VARCHAR(255), COMMENTS VARCHAR(255), TAG VARCHAR(255), LIQUIBASE VARCHAR(20))
"""
GOOSE = """
    CREATE TABLE goose_db_version (
        id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, version_id BIGINT NOT NULL, is_applied BOOLEAN NOT NULL,
        tstamp TIMESTAMP NULL DEFAULT NOW())
"""
PRISMA = """
    CREATE TABLE _prisma_migrations (
        id VARCHAR(36) PRIMARY KEY, checksum VARCHAR(64) NOT NULL, finished_at DATETIME(3),
        migration_name VARCHAR(255) NOT NULL, logs TEXT, rolled_back_at DATETIME(3),
        started_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
        applied_steps_count INT UNSIGNED NOT NULL DEFAULT 0)
"""
KNEX = """
    CREATE TABLE knex_migrations (
        id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(255), batch INT,
        migration_time TIMESTAMP NULL)
"""
# The table of each tool, as it makes it, and a row for each of two migrations.
TOOLS = {
    "Flyway": (
        FLYWAY,
        "INSERT INTO flyway_schema_history VALUES (1, '1', 'a', 'SQL', 'V1__a.sql', 7, 'root', NOW(), 1, 1)",
        "INSERT INTO flyway_schema_history VALUES (2, '2', 'b', 'SQL', 'V2__b.sql', 7, 'root', NOW(), 1, 1)",
    ),
    "Liquibase": (
        LIQUIBASE,
        "INSERT INTO DATABASECHANGELOG VALUES ('1_a', '', 'db/1_a.sql', NOW(), 1, 'EXECUTED', '', '', '', '', '4')",
        "INSERT INTO DATABASECHANGELOG VALUES ('2_b', '', 'db/2_b.sql', NOW(), 2, 'EXECUTED', '', '', '', '', '4')",
    ),
    "golang-migrate": (
        "CREATE TABLE schema_migrations (version BIGINT NOT NULL PRIMARY KEY, dirty BOOLEAN NOT NULL)",
        "INSERT INTO schema_migrations VALUES (2, 0)",
    ),
    "dbmate": (
        "CREATE TABLE schema_migrations (version VARCHAR(128) PRIMARY KEY)",
        "INSERT INTO schema_migrations VALUES ('1'), ('2')",
    ),
    "goose": (
        GOOSE,
        "INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, 1), (1, 1), (2, 1), (3, 1), (3, 0)",
    ),
    "Alembic": (
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)",
        "INSERT INTO alembic_version VALUES ('2_b')",
    ),
    "Prisma": (
        PRISMA,
        "INSERT INTO _prisma_migrations VALUES ('x', 'x', NOW(3), '1_a', NULL, NULL, NOW(3), 1)",
        "INSERT INTO _prisma_migrations VALUES ('y', 'x', NOW(3), '2_b', NULL, NULL, NOW(3), 1)",
        "INSERT INTO _prisma_migrations VALUES ('z', 'x', NULL, '3_c', NULL, NOW(3), NOW(3), 0)",
    ),
    "knex": (KNEX, "INSERT INTO knex_migrations (name, batch) VALUES ('1_a.js', 1), ('2_b.js', 1)"),
}


@pytest.mark.parametrize("tool", TOOLS)
def test_the_history_of_another_tool_decides_where_the_schema_does_not(place: Place, tool: str) -> None:
    """What it says it has run is not run again; its own tables are left alone."""
    numbered = {f"{number}_{name}": text for number, (name, text) in enumerate(SAME.items(), 1)}
    place.write(**numbered).build("CREATE TABLE a (id INT PRIMARY KEY)", "INSERT INTO a VALUES (1)", *TOOLS[tool])
    ended = place.run()
    (told,) = ended.said("tool.told")
    assert (told["tool"], told["migration"]) == (tool, "2_b")
    assert ended.said("baseline.found")[0]["migration"] == "2_b"
    assert place.database.rows("SELECT id FROM a") == ((1,),)
    assert ("table", told["table"]) in place.database.objects()


def test_another_tool_that_says_what_is_not_so_is_not_believed(place: Place) -> None:
    """The schema decides: by its history, the table c is there."""
    numbered = {f"{number}_{name}": text for number, (name, text) in enumerate(SAME.items(), 1)}
    place.write(**numbered).build("CREATE TABLE a (id INT PRIMARY KEY)", TOOLS["dbmate"][0])
    place.database.run("INSERT INTO schema_migrations VALUES ('1'), ('2'), ('3')")
    assert place.refused()["candidates"] == ["1_a", "2_b"]


def test_names_that_flyway_orders_otherwise_are_told(place: Place) -> None:
    """By its versions the first is the first; by their names it comes behind the other."""
    place.write(V1__a="CREATE TABLE a (id INT PRIMARY KEY);", V1_1__b="ALTER TABLE a ADD b INT;")
    place.build("CREATE TABLE a (id INT PRIMARY KEY, b INT)")
    assert "V1_1__b before V1__a; rename them" in place.refused()["message"]


FILLED = {
    "1_a": "CREATE TABLE a (id INT PRIMARY KEY, n INT);\nCREATE TABLE b (id INT);",
    "2_b": "CREATE TABLE c (id INT);\nUPDATE a SET n = n * 2;",
    "3_c": "CREATE TABLE d (id INT);",
}


@pytest.mark.parametrize(
    ("there", "claimed", "way"),
    [
        (("a", "b"), "2", "schemagate baseline --to 1_a"),  # c was dropped, or 2_b was never run
        (("a", "b"), "3", "schemagate baseline --to 1_a"),
        (("a",), "2", ""),  # b was dropped, too
        (("a", "d"), "3", ""),  # and this cannot be a state at all
    ],
)
def test_rows_are_not_changed_again_where_another_tool_says_that_they_were(
    place: Place, there: tuple[str, ...], claimed: str, way: str
) -> None:
    """The schema says that the file was not run; a person decides."""
    place.write(**FILLED).build(
        *(f"CREATE TABLE {name} (id INT{' PRIMARY KEY, n INT' * (name == 'a')})" for name in there),
        "INSERT INTO a VALUES (1, 20)",
        TOOLS["dbmate"][0],
    )
    place.database.run(*(f"INSERT INTO schema_migrations VALUES ('{each}')" for each in "123" if each <= claimed))
    told = place.refused()
    assert f"dbmate says that {claimed}_" in told["message"]
    assert "2_b.sql:2" in told["message"]
    assert way in told["message"]
    assert place.database.rows("SELECT n FROM a") == ((20,),)
    place.database.run("DELETE FROM schema_migrations WHERE version > '1'")
    place.run()
    assert place.database.rows("SELECT n FROM a") == ((40,),)


def test_two_tools_that_say_different_things_decide_nothing(place: Place) -> None:
    """One of them is left over from another time."""
    numbered = {f"{number}_{name}": text for number, (name, text) in enumerate(SAME.items(), 1)}
    place.write(**numbered).build("CREATE TABLE a (id INT PRIMARY KEY)", *TOOLS["dbmate"], KNEX)
    place.database.run("INSERT INTO knex_migrations (name, batch) VALUES ('1_a.js', 1)")
    assert place.refused()["candidates"] == ["1_a", "2_b"]
    place.database.run("INSERT INTO knex_migrations (name, batch) VALUES ('2_b.js', 1)")
    place.run()
    assert not place.database.rows("SELECT id FROM a")


def test_another_tool_that_broke_off_is_no_hint(place: Place) -> None:
    """golang-migrate calls that by a word of its own."""
    numbered = {f"{number}_{name}": text for number, (name, text) in enumerate(SAME.items(), 1)}
    place.write(**numbered).build("CREATE TABLE a (id INT PRIMARY KEY)", TOOLS["golang-migrate"][0])
    place.database.run("INSERT INTO schema_migrations VALUES (2, 1)")
    place.refused()


def test_a_repeatable_migration_of_flyway_says_nothing_of_the_others(place: Place) -> None:
    """It has no version; that it failed, or was run later, does not tell what was run before."""
    numbered = {f"V{number}__{name}": text for number, (name, text) in enumerate(SAME.items(), 1)}
    place.write(**numbered).build("CREATE TABLE a (id INT PRIMARY KEY)", *TOOLS["Flyway"])
    place.build("INSERT INTO flyway_schema_history VALUES (3, NULL, 'v', 'SQL', 'R__v.sql', 7, 'root', NOW(), 1, 0)")
    place.run()


def test_numbers_of_change_sets_are_no_numbers_of_files(place: Place) -> None:
    """Liquibase's formatted SQL begins anew in each file; what only changes rows was not run for that."""
    place.write(**{f"{number}_{name}": text for number, (name, text) in enumerate(SAME.items(), 1)})
    place.build("CREATE TABLE a (id INT PRIMARY KEY)", LIQUIBASE)
    for number in (1, 2, 3):
        place.build(
            f"INSERT INTO DATABASECHANGELOG VALUES ('{number}', 'me', 'db/1_a.sql', NOW(), {number}, 'EXECUTED', "
            "'', '', '', '', '4')"
        )
    place.run()
    assert place.database.rows("SELECT id FROM a")


BROKEN = {
    "1_a": "CREATE TABLE a (id INT PRIMARY KEY, n INT);",
    "2_b": "UPDATE a SET n = n * 2;\nALTER TABLE a ADD UNIQUE u (n);",
}


@pytest.mark.parametrize(
    ("tool", "row"),
    [
        ("golang-migrate", "INSERT INTO schema_migrations VALUES (2, 1)"),
        ("Flyway", "INSERT INTO flyway_schema_history VALUES (2, '2', 'b', 'SQL', 'V2__b.sql', 7, 'r', NOW(), 1, 0)"),
        ("Prisma", "INSERT INTO _prisma_migrations VALUES ('y', 'x', NULL, '2_b', NULL, NULL, NOW(3), 0)"),
    ],
)
def test_what_broke_off_may_have_changed_rows(place: Place, tool: str, row: str) -> None:
    """As such files break: the rows were changed, and what came next was refused. A person decides."""
    place.write(**BROKEN).build("CREATE TABLE a (id INT PRIMARY KEY, n INT)", "INSERT INTO a VALUES (1, 20)")
    place.build(TOOLS[tool][0], row)
    told = place.refused()["message"]
    assert f"{tool} says that 2_b was begun and broke off" in told
    assert "2_b.sql:1" in told
    assert "schemagate baseline --to 1_a" in told
    place.run("baseline", "--to", "1_a")
    place.run()
    assert place.database.rows("SELECT n FROM a") == ((40,),)


def test_a_number_of_a_file_that_is_not_here_is_heard_of_those_before_it(place: Place) -> None:
    """golang-migrate has the last one alone, which may be that of a newer image."""
    place.write(**BROKEN, **{"3_c": "UPDATE a SET n = n + 1;"})
    place.build("CREATE TABLE a (id INT PRIMARY KEY, n INT)", "INSERT INTO a VALUES (1, 20)")
    place.build(TOOLS["golang-migrate"][0], "INSERT INTO schema_migrations VALUES (99, 0)")
    assert "golang-migrate says that 3_c was run" in place.refused()["message"]
    assert place.database.rows("SELECT n FROM a") == ((20,),)


def test_a_history_with_a_hole_is_heard_of_what_it_has(place: Place) -> None:
    """The second is missing, and the third was run before it, which changed rows alone."""
    place.write(**BROKEN, **{"3_c": "UPDATE a SET n = n + 1;"})
    place.build("CREATE TABLE a (id INT PRIMARY KEY, n INT)", "INSERT INTO a VALUES (1, 20)", TOOLS["dbmate"][0])
    place.build("INSERT INTO schema_migrations VALUES ('1'), ('3')")
    assert "dbmate says that 3_c was run" in place.refused()["message"]
    assert place.database.rows("SELECT n FROM a") == ((20,),)


@pytest.mark.parametrize("row", ["(1, 0)", "(2, 1)"])
def test_rows_that_the_schema_does_not_prove_are_listed(place: Place, row: str) -> None:
    """The table is there, and the tool says that the file which makes and fills it was not ended."""
    place.write(**{"1_a": "CREATE TABLE a (id INT);", "2_b": "CREATE TABLE b (id INT);\nINSERT INTO b VALUES (1);"})
    place.build("CREATE TABLE a (id INT)", "CREATE TABLE b (id INT)", TOOLS["golang-migrate"][0])
    place.build(f"INSERT INTO schema_migrations VALUES {row}")
    assert [(each["migration"], each["line"]) for each in place.run().said("statement.skipped")] == [("2_b", 2)]
    assert place.database.rows("SELECT id FROM b") == ()


def test_what_a_person_says_lists_what_no_tool_has_run(place: Place) -> None:
    """The word counts; that the rows of a file in between may be missing is said all the same."""
    made = [f"CREATE TABLE {name} (id INT)" for name in "abd"]
    texts = (*made[:2], "INSERT INTO a VALUES (3)", made[2], "UPDATE a SET id = 4")
    place.write(**{f"{number}_m": f"{text};" for number, text in enumerate(texts, start=1)})
    place.build(*made, TOOLS["dbmate"][0], "INSERT INTO schema_migrations VALUES ('1'), ('2'), ('4')")
    assert place.refused()["candidates"] == ["4_m", "5_m"]
    ended = place.run("baseline", "--to", "4_m")
    assert [each["migration"] for each in ended.said("statement.skipped")] == ["3_m"]


def test_a_file_of_which_liquibase_has_run_a_part_was_not_run(place: Place) -> None:
    """Its other change set would never be run: which rows it has changed is for a person to say."""
    place.write(
        a="CREATE TABLE a (id INT PRIMARY KEY, v INT);",
        b="-- changeset me:1\nUPDATE a SET v = v + 1;\n-- changeset me:2\nUPDATE a SET v = v * 10;",
    )
    columns = "ID VARCHAR(99), AUTHOR VARCHAR(99), FILENAME VARCHAR(99), ORDEREXECUTED INT, EXECTYPE VARCHAR(10)"
    place.build(
        "CREATE TABLE a (id INT PRIMARY KEY, v INT)",
        "INSERT INTO a VALUES (1, 5)",
        f"CREATE TABLE DATABASECHANGELOG ({columns})",
        "INSERT INTO DATABASECHANGELOG VALUES ('1', 'me', 'a.sql', 1, 'EXECUTED'), ('1', 'me', 'b.sql', 2, 'EXECUTED')",
    )
    assert place.refused()["candidates"] == ["a", "b"]
    place.build("INSERT INTO DATABASECHANGELOG VALUES ('2', 'me', 'b.sql', 3, 'EXECUTED')")
    place.run()
    assert place.database.rows("SELECT v FROM a") == ((5,),)


def test_a_version_that_failed_once_and_was_run_then_was_run(place: Place) -> None:
    """Flyway keeps both rows."""
    place.write(V1__a="CREATE TABLE a (id INT PRIMARY KEY, v INT);", V2__b="UPDATE a SET v = v + 1;")
    place.build("CREATE TABLE a (id INT PRIMARY KEY, v INT)", "INSERT INTO a VALUES (1, 5)", TOOLS["Flyway"][0])
    for rank, version, script, success in ((1, "1", "V1__a", 1), (2, "2", "V2__b", 0), (3, "2", "V2__b", 1)):
        row = f"({rank}, '{version}', 'd', 'SQL', '{script}.sql', 7, 'root', NOW(), 1, {success})"
        place.build(f"INSERT INTO flyway_schema_history VALUES {row}")
    place.run()
    assert place.database.rows("SELECT v FROM a") == ((5,),)


def test_two_versions_of_a_tool_that_keeps_one_say_nothing(place: Place) -> None:
    """No error of ours comes of it."""
    place.write(a="CREATE TABLE a (id INT PRIMARY KEY, v INT);", b="UPDATE a SET v = v + 1;")
    place.build(
        "CREATE TABLE a (id INT PRIMARY KEY, v INT)",
        "CREATE TABLE schema_migrations (version BIGINT PRIMARY KEY, dirty BOOL NOT NULL)",
        "INSERT INTO schema_migrations VALUES (1, 0), (2, 0)",
    )
    assert place.refused()["candidates"] == ["a", "b"]


WAYS_BACK = {
    "1_a": "-- migrate:up\nCREATE TABLE a (id INT);\n-- migrate:down\nDROP TABLE a;\n",
    "2_b": "-- +goose Up\nCREATE TABLE b (id INT);\n\n-- +goose Down\nDROP TABLE b;\n",
    "3_c": "-- +migrate Up\nCREATE TABLE c (id INT); -- +migrate Down\nDROP TABLE c;\n",
    "4_d.down": "DROP TABLE IF EXISTS d;",
    "U5__e": "DROP TABLE IF EXISTS e;",
}


@pytest.mark.parametrize("name", WAYS_BACK)
def test_a_way_back_is_not_run(place: Place, name: str) -> None:
    """What another tool keeps beside a migration, to take it back, is no migration."""
    place.write(**{name: WAYS_BACK[name]})
    said = place.run("up", expected=11).lines[-1]
    assert said["file"] == f"{name}.sql"
    assert "takes back" in said["message"]


def test_a_way_back_in_a_string_is_text(place: Place) -> None:
    """Only a comment before a statement begins one; and not one that speaks of it, nor one with nothing behind it."""
    place.write(
        a="-- the migrate:down of old\nCREATE TABLE a (id INT, s VARCHAR(40) DEFAULT '\n-- migrate:down');",
        b="CREATE PROCEDURE p()\nBEGIN\n  -- migrate:down\n  DO 1;\nEND;\n-- migrate:down\n\n",
    )
    place.run("snapshot")
    place.run()
    assert place.run().lines[-1]["unchanged"] is True


def test_what_would_drop_what_a_tool_says_was_made_is_not_run(place: Place) -> None:
    """It looks as in the middle of a file that was run to its end."""
    place.write(**{"1_a": "CREATE TABLE a (id INT PRIMARY KEY); DROP TABLE a;"})
    place.build("CREATE TABLE a (id INT PRIMARY KEY)", "INSERT INTO a VALUES (1)", TOOLS["dbmate"][0])
    place.database.run("INSERT INTO schema_migrations VALUES ('1')")
    assert "dbmate says that 1_a was run" in place.refused()["message"]
