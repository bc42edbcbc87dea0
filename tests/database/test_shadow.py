"""The shadow is on the same server as the live schema, and nothing but our care keeps the two apart.

Every test here ends with the full picture of the live schema, rows and all, and that of a schema beside it: both are to
be the same as before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from schemagate import verify
from schemagate.current import meet
from schemagate.errors import ConnectionLost
from schemagate.files import find
from schemagate.lock import alive_name, give_back, lock_name
from schemagate.log import make_log
from schemagate.migrations import load
from schemagate.plan import Todo
from schemagate.scratch import MARKER
from schemagate.settings import Settings, load_settings
from schemagate.shadow import Shadow, Shadows
from schemagate.stop import Stop
from schemagate.trial import Refused
from schemagate.watch import alone
from tests.database.gate import Gate, last, said
from tests.database.world import Start, private_database, until
from tests.databases import Database, objects, quoted
from tests.instances import Instance
from tests.wire import Packet, RecordingProxy

LIVE = (
    "CREATE TABLE x (id INT PRIMARY KEY, n INT)",
    "CREATE TABLE y (id INT PRIMARY KEY, x INT, CONSTRAINT fk_y FOREIGN KEY (x) REFERENCES x (id))",
    "CREATE TABLE parts (id INT PRIMARY KEY) PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10))",
    "CREATE TABLE plain (id INT PRIMARY KEY)",
    "CREATE TABLE gone (id INT PRIMARY KEY)",
    "CREATE TABLE gone2 (id INT PRIMARY KEY)",
    "CREATE TABLE gone3 (id INT PRIMARY KEY)",
    "INSERT INTO x VALUES (1, 1), (2, 2)",
    "INSERT INTO y VALUES (1, 1)",
    "INSERT INTO gone VALUES (1)",
    "CREATE VIEW v AS SELECT * FROM x",
    "CREATE PROCEDURE p() INSERT INTO x VALUES (9, 9)",
    "CREATE FUNCTION f(a INT) RETURNS INT DETERMINISTIC RETURN a",
    "CREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW SET NEW.n = 1",
    "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DISABLE DO INSERT INTO x VALUES (8, 8)",
)


class Stage:
    """A live schema with something of everything in it, another schema beside it, and the shadow alone at work."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder = database, folder
        self.other = database.another(f"{database.name}_other")
        database.run(*LIVE, f"CREATE TABLE {quoted(self.other)}.o (id INT PRIMARY KEY)")
        self.settings = load_settings(
            {**database.environment(), "SCHEMAGATE_MIGRATIONS": str(folder)} | {"SCHEMAGATE_LOG_FORMAT": "json"}, {}
        )

    def filled(self, text: str) -> str:
        """`live` and `other` become the names of the two schemas."""
        return (
            text.replace("LIVE", self.database.name.upper())
            .replace("live", self.database.name)
            .replace("other", self.other)
        )

    def tried(self, *statements: str) -> list[str]:
        """What became of each statement, tried in turn on one copy of the live schema, as a file of its own.

        "tried", "refused 1146", or why it was left out, with "!" at the end where nothing after it would be tried.
        """
        before = self.picture()
        stop, log = Stop(), make_log("json", None)
        connection, greeting = meet(self.settings_for("SELECT 1"), stop, log, to_write=True)
        outcomes = []
        with closing(connection), Shadows(self.settings, greeting.server, stop) as shadows:
            live = verify.read(connection, greeting.server).schema
            shadow = shadows.get()
            shadow.load(live)
            for statement in statements:
                self.settings_for(self.filled(statement))
                outcomes.append(self.outcome(shadow))
                assert self.picture() == before, f"{statement} changed what is live"
            self.look(shadow.name)
        return outcomes

    def outcome(self, shadow: Shadow) -> str:
        (migration,) = load(find(str(self.folder))).all
        try:
            left_out = shadow.rehearse([Todo(migration, 1)])
        except Refused as refused:
            return f"refused {refused.error.errno}"
        return (
            "; ".join(each.reason.replace(self.database.name, "live") + "!" * each.blind for each in left_out)
            or "tried"
        )

    def settings_for(self, text: str) -> Settings:
        self.folder.joinpath("a.sql").write_text(text, "utf-8")
        return self.settings

    def picture(self) -> dict[tuple[str, str, str], str]:
        with self.database.server.connect() as connection:
            return {
                (schema, kind, name): how
                for of in (self.database.name, self.other)
                for schema, kind, name, how in objects(connection, of)
            }

    def look(self, shadow: str) -> None:
        """For a test that wants to see the shadow before it is dropped."""


@pytest.fixture
def stage(database: Database, tmp_path: Path) -> Stage:
    return Stage(database, tmp_path)


@pytest.fixture
def gate(database: Database, tmp_path: Path) -> Gate:
    return Gate(database, tmp_path)


# --- names that say live ---------------------------------------------------------------------------------------------


def test_the_name_of_the_live_schema_means_the_shadow_there(stage: Stage) -> None:
    """However it is spelled: plain, quoted, with blanks and comments around the dot, in executable comments."""
    spelled = [
        "CREATE TABLE live.z1 (id INT)",
        "CREATE TABLE `live`.`z2` (id INT)",
        "CREATE TABLE live . z3 (id INT)",
        "CREATE TABLE live/* a */./* b */z4 (id INT)",
        "CREATE TABLE live\n.\nz5 (id INT)",
        "CREATE TABLE live -- really\n . -- here\n z6 (id INT)",
        "CREATE TABLE /*! live. */ z7 (id INT)",
        "CREATE TABLE /*!50000 `live`.*/`z8` (id INT)",
        "/*! CREATE TABLE live.z9 (id INT) */",
        "CREATE /*!TABLE live.z10 (id INT)*/",
        "create table IF NOT EXISTS live.z11 LIKE live.x",
        "CREATE TABLE z12 AS SELECT live.x.id FROM live.x",
        "CREATE TABLE z13 (id INT, FOREIGN KEY (id) REFERENCES live.x (id))",
        "CREATE TEMPORARY TABLE live.z14 (id INT); DROP TEMPORARY TABLE live.z14",
    ]
    assert stage.tried(*spelled) == ["tried"] * len(spelled)


def test_so_it_does_in_every_statement_that_changes_structure(stage: Stage) -> None:
    """ALTER, RENAME, DROP, TRUNCATE, indexes, partitions, views, routines, triggers, events."""
    statements = [
        "ALTER TABLE live.x ADD COLUMN z INT",
        "ALTER TABLE plain RENAME TO live.plain2",
        "ALTER TABLE plain2 RENAME live.plain3",
        "ALTER TABLE live.plain3 RENAME AS live.plain4",
        "ALTER TABLE plain4 RENAME = live.plain",
        "RENAME TABLE live.gone TO live.gone1, live.gone1 TO gone",
        "CREATE INDEX i ON live.x (n)",
        "DROP INDEX i ON live.x",
        "TRUNCATE live.plain",
        "TRUNCATE TABLE live.gone",
        "ALTER TABLE parts EXCHANGE PARTITION p0 WITH TABLE live.plain",
        "ALTER TABLE live.parts EXCHANGE PARTITION p0 WITH TABLE plain",
        "DROP TABLE live.gone",
        "DROP TABLE IF EXISTS nothing, live.gone2",
        "DROP TABLE gone3, live.parts",
        "CREATE VIEW live.v2 AS SELECT 1",
        "CREATE OR REPLACE VIEW live.v AS SELECT live.x.id FROM live.x",
        "ALTER VIEW live.v AS SELECT live.f(1)",
        "DROP VIEW live.v",
        "DROP TRIGGER live.t",
        "ALTER PROCEDURE live.p COMMENT 'still here'",
        "DROP PROCEDURE live.p",
        "DROP FUNCTION live.f",
        "DROP EVENT live.e",
    ]
    assert stage.tried(*statements) == ["tried"] * len(statements)


def test_names_in_strings_and_comments_are_left_alone(stage: Stage) -> None:
    """They are no names; and a name with a dot in it is one name."""
    statements = [
        "ALTER TABLE x ADD COLUMN c INT COMMENT 'live.x', COMMENT 'live.x' /* live.x */ -- live.x",
        "CREATE TABLE `live.z` (`live.id` INT)",
    ]
    assert stage.tried(*statements) == ["tried"] * 2


ALIAS = "it names live in a place where that may also be an alias or part of a body"


def test_what_may_be_an_alias_is_not_tried(stage: Stage) -> None:
    """An alias called like the schema: in front of a column nobody can tell them apart. What follows is not tried."""
    structure = [
        "CREATE TABLE z1 SELECT live.id FROM x live",
        "CREATE VIEW z2 AS SELECT live.id FROM x AS live",
        "CREATE VIEW z3 AS SELECT `live`.`id` FROM `x` AS `live`",
    ]
    data = [
        "UPDATE x live, y SET live.n = 9",
        "DELETE live.x FROM live.x",
        "DELETE live.* FROM x live",
        "SELECT live.id FROM x live",
    ]
    assert stage.tried(*structure) == [ALIAS + "!"] * len(structure)
    assert stage.tried(*data) == [ALIAS] * len(data)


def test_what_is_in_another_schema_is_not_tried(stage: Stage) -> None:
    """Not made, not changed, not referred to, and no table is moved there."""
    other = f"it names another schema, {stage.other.replace(stage.database.name, 'live')}"
    structure = [
        "CREATE TABLE other.z (id INT)",
        "CREATE TABLE other.z LIKE x",
        "DROP TABLE other.o",
        "DROP TABLE plain, other.o",
        "ALTER TABLE other.o ADD COLUMN n INT",
        "ALTER TABLE x RENAME TO other.x",
        "RENAME TABLE live.x TO other.x",
        "TRUNCATE other.o",
        "CREATE INDEX i ON other.o (id)",
        "CREATE TABLE z (id INT PRIMARY KEY, FOREIGN KEY (id) REFERENCES other.o (id))",
        "ALTER TABLE y ADD FOREIGN KEY (id) REFERENCES other.o (id)",
        "CREATE VIEW z AS SELECT * FROM other.o",
        "CREATE TRIGGER other.z BEFORE INSERT ON other.o FOR EACH ROW SET NEW.id = 1",
        "CREATE PROCEDURE other.z() SELECT 1",
        "CREATE EVENT other.z ON SCHEDULE EVERY 1 SECOND DO SELECT 1",
    ]
    data = ["INSERT INTO other.o VALUES (1)", "DELETE FROM other.o", "SELECT * FROM x JOIN other.o USING (id)"]
    assert stage.tried(*structure) == [other + "!"] * len(structure)
    assert stage.tried(*data) == [other] * len(data)


def test_bodies_with_qualified_names_are_not_tried(stage: Stage) -> None:
    """They run later, and what they name then is live: not even the header may be qualified."""
    bodies = [
        "CREATE TRIGGER z BEFORE INSERT ON live.y FOR EACH ROW SET NEW.x = 1",
        "CREATE TRIGGER live.z BEFORE INSERT ON y FOR EACH ROW SET NEW.x = 1",
        "CREATE TRIGGER z BEFORE INSERT ON y FOR EACH ROW INSERT INTO live.x VALUES (5, 5)",
        "CREATE TRIGGER z BEFORE INSERT ON x FOR EACH ROW FOLLOWS live.t SET NEW.n = 2",
        "CREATE PROCEDURE live.z() SELECT 1",
        "CREATE PROCEDURE z() INSERT INTO live.x VALUES (5, 5)",
        "CREATE PROCEDURE z() BEGIN IF TRUE THEN DELETE FROM `live` . x; END IF; END",
        "CREATE FUNCTION live.z() RETURNS INT DETERMINISTIC RETURN 1",
        "CREATE FUNCTION z() RETURNS INT READS SQL DATA RETURN (SELECT MAX(id) FROM live.x)",
        "CREATE EVENT z ON SCHEDULE EVERY 1 SECOND DO INSERT INTO live.x VALUES (5, 5)",
        "CREATE EVENT live.z ON SCHEDULE EVERY 1 SECOND DO INSERT INTO x VALUES (5, 5)",
        "ALTER EVENT e RENAME TO live.z",
        "ALTER EVENT live.e ENABLE",
    ]
    assert stage.tried(*bodies) == [ALIAS + "!"] * len(bodies)


def test_bodies_without_qualified_names_are_tried(stage: Stage) -> None:
    """What they name is in the shadow as well."""
    statements = [
        "CREATE TRIGGER z BEFORE INSERT ON y FOR EACH ROW INSERT INTO x VALUES (5, NEW.x)",
        "CREATE PROCEDURE z() INSERT INTO x SELECT x.id, y.x FROM y JOIN x ON x.id = y.x",
        "CREATE FUNCTION z() RETURNS INT READS SQL DATA RETURN (SELECT MAX(x.id) FROM x)",
        "CREATE TRIGGER z BEFORE INSERT ON nowhere FOR EACH ROW SET NEW.x = 1",
    ]
    assert stage.tried(*statements) == ["tried", "tried", "tried", "refused 1146"]


# --- names that are not seen as such ---------------------------------------------------------------------------------


def test_other_quotes_hide_no_name(stage: Stage) -> None:
    """After SET sql_mode, "live"."z" is a name and no string: then what has such quotes is not tried."""
    mysql = stage.database.server.flavour == "mysql"
    hidden = "a name may stand where a string is seen!"
    statements = [
        'SET sql_mode = \'ANSI_QUOTES\'; CREATE TABLE "live"."z" (id INT)',
        'SET SESSION sql_mode = CONCAT(@@sql_mode, \',ANSI\'); CREATE TABLE "live"."z" (id INT)',
        'SET @@session.sql_mode = \'ANSI_QUOTES\'; RENAME TABLE "live"."gone" TO "live"."z"',
        "SET NAMES gbk; CREATE TABLE z (id INT COMMENT '日\\', n INT)')",
    ]
    assert all(outcome.endswith(hidden) for outcome in stage.tried(*statements))
    for_one = stage.tried('SET STATEMENT sql_mode = \'ANSI_QUOTES\' FOR CREATE TABLE "live"."z" (id INT)')
    assert for_one[0].endswith("!")
    maria = [
        "SET sql_mode = 'MSSQL'; CREATE TABLE [live].[z] (id INT)",
        'SET sql_mode = \'ORACLE\'; CREATE TABLE "live"."z" (id INT)',
    ]
    for outcome in stage.tried(*maria):
        assert outcome == "refused 1231" if mysql else outcome.endswith(hidden)


def test_such_a_mode_ends_with_its_file(stage: Stage) -> None:
    """And without such quotes a statement is tried under it."""
    assert (
        stage.tried(
            "SET sql_mode = 'ANSI_QUOTES'; CREATE TABLE live.z1 (id INT)",
            'CREATE TABLE z2 (id INT COMMENT "live.x")',
        )
        == ["tried"] * 2
    )


def test_a_query_that_is_run_calls_nobody_who_could_reach_out(stage: Stage) -> None:
    """CREATE TABLE … SELECT runs its query; not here, if a function, procedure or trigger at hand names a schema."""
    name = quoted(stage.database.name)
    queries = [
        "CREATE TABLE z1 AS SELECT writes() AS w",
        "CREATE TABLE z2 (id INT) AS SELECT id FROM x WHERE id = writes()",
        "CREATE TABLE z3 AS SELECT * FROM (SELECT writes() AS w) AS d",
        "CREATE VIEW vw AS SELECT writes() AS w; CREATE TABLE z4 AS SELECT * FROM vw",
        "CREATE TEMPORARY TABLE z5 AS SELECT writes() AS w",
    ]
    stage.database.run(
        "CREATE FUNCTION writes() RETURNS INT MODIFIES SQL DATA"
        f" BEGIN INSERT INTO {name}.x VALUES (77, 77); RETURN 1; END"
    )
    outcomes = stage.tried(
        *queries, "CREATE TABLE z6 (id INT)", "SELECT writes()", "INSERT INTO y VALUES (writes(), 1)"
    )
    assert all(outcome.endswith("may call functions that change other schemas!") for outcome in outcomes[:5])
    assert outcomes[5:] == ["tried"] * 3  # a prepared query is not run
    stage.database.run(
        "DROP FUNCTION writes",
        f"CREATE TRIGGER reaches AFTER INSERT ON plain FOR EACH ROW INSERT INTO {name}.x VALUES (77, 77)",
        "CREATE FUNCTION writes() RETURNS INT MODIFIES SQL DATA BEGIN INSERT INTO plain VALUES (1); RETURN 1; END",
    )
    assert stage.tried(queries[0])[0].endswith("may call functions that change other schemas!")
    stage.database.run("DROP TRIGGER reaches")
    assert stage.tried("CREATE TABLE z AS SELECT f(1) AS w", "CREATE TABLE z7 AS SELECT * FROM live.x") == ["tried"] * 2


def test_a_set_with_an_expression_is_run_where_it_depends_on_nothing_else(stage: Stage) -> None:
    """Else the shadow would refuse what is right under that mode."""
    zero = "CREATE TABLE z{} (d DATETIME NOT NULL DEFAULT '0000-00-00 00:00:00')"
    without = "SET sql_mode = REPLACE(REPLACE(@@sql_mode, 'NO_ZERO_DATE', ''), 'NO_ZERO_IN_DATE', '')"
    not_run = "SET with a query or a function is not run in the shadow"
    assert stage.tried(
        zero.format(0),
        f"{without}; {zero.format(1)}",
        f"SET @old = @@sql_mode, sql_mode = ''; {zero.format(2)}; SET sql_mode = @old; {zero.format(3)}",
        "SET @a = f(1); CREATE TABLE z4 (id INT)",
        "SET @a = (SELECT MAX(id) FROM x); CREATE TABLE z5 (id INT)",
        "SET @a = f(1), sql_mode = ''",
        "SET @a = GET_LOCK('of the application', 5)",
        "SELECT @@sql_mode INTO @before; SET sql_mode = @before",
        "SET SESSION no_such_variable = 1",
    ) == [
        "refused 1067",
        "tried",
        "refused 1067",
        not_run,
        not_run,
        not_run + "!",
        not_run,
        "SET from a user variable that only the live session knows!",
        "refused 1193",
    ]


# --- what is never run there -----------------------------------------------------------------------------------------


def test_what_is_the_whole_servers_is_not_run(stage: Stage) -> None:
    """Accounts, global variables, plugins, loadable functions: a rehearsal of these would be the deed itself."""
    flushed = stage.database.value("SELECT @@GLOBAL.max_connect_errors")
    left_out = [
        "GRANT SELECT ON live.x TO nobody_at_all@localhost",
        "REVOKE SELECT ON live.x FROM nobody_at_all@localhost",
        "CREATE USER schemagate_test_nobody@localhost",
        "DROP USER IF EXISTS schemagate_test_nobody@localhost",
        "SET GLOBAL max_connect_errors = 333",
        "SET @@global.max_connect_errors = 333",
        "SET @@GLOBAL.max_connect_errors = 333",
        "SET SESSION lock_wait_timeout = 5, GLOBAL max_connect_errors = 333",
        "SET PASSWORD FOR nobody_at_all@localhost = 'x'",
        "FLUSH TABLES",
        "ANALYZE TABLE live.x",
        "OPTIMIZE TABLE x",
        "LOAD DATA INFILE '/nowhere' INTO TABLE live.x",
        "DO f(1)",
        "EXPLAIN INSERT INTO live.x VALUES (5, 5)",
        "PREPARE q FROM 'CREATE TABLE live.z (id INT)'",
        "CHECKSUM TABLE live.x",
        "CREATE ROLE nobody_at_all",
        "DROP ROLE nobody_at_all",
        "RENAME USER nobody_at_all TO nobody",
    ]
    for statement, outcome in zip(left_out, stage.tried(*left_out), strict=True):
        assert outcome.endswith("is not run in the shadow"), statement
    blind = [
        "CREATE FUNCTION udf RETURNS STRING SONAME 'nothing.so'",
        "CREATE AGGREGATE FUNCTION IF NOT EXISTS udf RETURNS INTEGER SONAME 'nothing.so'",
        "CREATE DATABASE schemagate_test_nothing",
        "CREATE SERVER nothing FOREIGN DATA WRAPPER mysql OPTIONS (HOST 'nowhere')",
        "INSTALL PLUGIN nothing SONAME 'nothing.so'",
        "CALL p()",
        "CALL live.p()",
        "PREPARE q FROM 'CREATE TABLE live.z (id INT)'; EXECUTE q",
        "PREPARE q FROM 'INSERT INTO live.x VALUES (6, 6)'; CALL p(); EXECUTE q",
    ]
    (shown,) = stage.tried("PREPARE q FROM 'INSERT INTO live.x VALUES (6, 6)'; EXECUTE q")
    assert shown.endswith("what EXECUTE does cannot be kept inside the shadow")
    if stage.database.server.flavour == "mysql":
        blind += ["CLONE LOCAL DATA DIRECTORY = '/nowhere/at/all'"]
        assert (
            stage.tried("SET PERSIST max_connect_errors = 333", "SET DEFAULT ROLE NONE TO root@localhost")
            == ["SET GLOBAL is not run in the shadow"] * 2
        )
    else:
        blind += ["EXECUTE IMMEDIATE 'CREATE TABLE live.z (id INT)'", "BEGIN NOT ATOMIC DELETE FROM live.x; END"]
    for statement, outcome in zip(blind, stage.tried(*blind), strict=True):
        assert outcome.endswith("!"), statement
    said = [statement.replace("; ", ";\n-- schemagate: no-structure\n") for statement in blind]
    for statement, outcome in zip(
        said, stage.tried(*(f"-- schemagate: no-structure\n{each}" for each in said)), strict=True
    ):
        assert outcome, statement
        assert not outcome.endswith("!"), statement
    assert stage.database.value("SELECT @@GLOBAL.max_connect_errors") == flushed


def test_rows_are_not_changed_there_either(stage: Stage) -> None:
    """Data statements are prepared: that finds the tables and columns that are not there, and nothing is run."""
    statements = [
        "INSERT INTO live.x VALUES (5, 5)",
        "INSERT INTO x SELECT id + 10, n FROM live.x",
        "REPLACE live.x VALUES (1, 5)",
        "UPDATE live.x SET n = 9",
        "DELETE FROM live.x",
        "WITH w AS (SELECT 1) SELECT * FROM live.x",
        "INSERT INTO x (id, nothing) VALUES (1, 1)",
        "UPDATE y SET nothing = 1",
        "DELETE FROM nowhere",
        "SELECT live.nothing(1)",
        "INSERT INTO x VALUES (1)",
        "INSERT x VALUES (1, 2",
    ]
    counts = []
    stage.look = lambda shadow: counts.append(  # type: ignore[method-assign]
        stage.database.value(f"SELECT COUNT(*) FROM {quoted(shadow)}.x")
    )
    *tried, column, column2, table, function, count, syntax = stage.tried(*statements)
    assert tried == ["tried"] * 6
    assert (column, column2, table, function) == ("refused 1054", "refused 1054", "refused 1146", "refused 1305")
    assert count in ("refused 1136", "tried")  # MariaDB counts the values when it runs it
    assert syntax == "refused 1064"
    assert counts == [0]


def test_temporary_tables_do_not_outlive_a_try(stage: Stage) -> None:
    """They would hide the real ones, and be in the way of a second try, also where the first one failed."""
    assert stage.tried(
        "CREATE TEMPORARY TABLE x (other_column INT); ALTER TABLE x ADD COLUMN m INT; DROP TABLE nowhere",
        "CREATE TEMPORARY TABLE x (other_column INT); CALL p()",
        "CREATE TEMPORARY TABLE x (other_column INT)",
        "ALTER TABLE x DROP COLUMN n",
    ) == ["refused 1051", "what CALL does cannot be kept inside the shadow!", "tried", "tried"]


# --- events ----------------------------------------------------------------------------------------------------------

EVENTS = (
    "CREATE EVENT e1 ON SCHEDULE EVERY 1 SECOND DO INSERT INTO ticks VALUES (1)",
    "CREATE EVENT e2 ON SCHEDULE EVERY 1 SECOND ENABLE DO INSERT INTO ticks VALUES (2)",
    "CREATE EVENT e3 ON SCHEDULE EVERY 1 SECOND COMMENT 'DO it' DO INSERT INTO ticks VALUES (3)",
    "CREATE EVENT e4 ON SCHEDULE EVERY 1 SECOND ON COMPLETION PRESERVE DO BEGIN INSERT INTO ticks VALUES (4); END",
    "CREATE EVENT e5 ON SCHEDULE EVERY 1 SECOND ENABLE COMMENT 'ENABLE' DO INSERT INTO ticks VALUES (5)",
    "CREATE EVENT IF NOT EXISTS `do` ON SCHEDULE AT CURRENT_TIMESTAMP DO INSERT INTO ticks VALUES (6)",
    "CREATE EVENT e7 ON SCHEDULE EVERY 1 SECOND STARTS NOW() ON COMPLETION PRESERVE DO INSERT INTO ticks VALUES (7)",
    "CREATE OR REPLACE EVENT e8 ON SCHEDULE EVERY 1 SECOND DO INSERT INTO ticks VALUES (8)",
    "ALTER EVENT later ON SCHEDULE EVERY 1 SECOND",
    "ALTER EVENT later ENABLE",
    "ALTER EVENT later ON COMPLETION PRESERVE RENAME TO sooner DO INSERT INTO ticks VALUES (9)",
    "ALTER EVENT off ENABLE",
    "ALTER EVENT off COMMENT 'ENABLE' DO INSERT INTO ticks VALUES (10)",
)


def test_events_do_not_run_in_the_shadow(private_server: Callable[..., Instance], tmp_path: Path) -> None:
    """With the scheduler on, as MySQL has it: neither copied ones, nor those that a migration makes or enables."""
    database = private_database(private_server("--event-scheduler=ON"))
    tick = f"DO INSERT INTO {quoted(database.name)}.ticks VALUES (0)"
    database.run(
        "CREATE TABLE ticks (n INT)",
        f"CREATE EVENT later ON SCHEDULE EVERY 1 SECOND STARTS '2037-01-01 00:00:00' {tick}",
        f"CREATE EVENT off ON SCHEDULE EVERY 1 SECOND DISABLE {tick}",
    )
    stage = Stage(database, tmp_path)
    seen = []

    def look(shadow: str) -> None:
        assert database.value("SELECT COUNT(*) FROM information_schema.events WHERE event_schema = %s", shadow) >= 9
        time.sleep(1.6)
        states = "SELECT DISTINCT status FROM information_schema.events WHERE event_schema = %s"
        seen.append((database.value(f"SELECT COUNT(*) FROM {quoted(shadow)}.ticks"), database.rows(states, shadow)))

    stage.look = look  # type: ignore[method-assign]
    outcomes = stage.tried(*EVENTS)
    replace = "refused 1064" if database.server.flavour == "mysql" else "tried"
    assert outcomes == ["tried"] * 7 + [replace] + ["tried"] * 5
    ((ticks, states),) = seen
    assert ticks == 0
    assert ("ENABLED",) not in states
    assert database.rows("SELECT * FROM ticks") == ()


def test_events_are_predicted_as_they_will_be(gate: Gate) -> None:
    """Asleep in the shadow, and compared as they will be on live: a snapshot with events raises no false alarm."""
    gate.write(
        a_first="CREATE TABLE ticks (n INT); CREATE EVENT e0 ON SCHEDULE EVERY 1 DAY DISABLE DO DELETE FROM ticks;"
    )
    gate.run()
    gate.write(
        b_second="""
            CREATE EVENT e1 ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 00:00:00' DO DELETE FROM ticks;
            CREATE EVENT e2 ON SCHEDULE EVERY 1 DAY ON COMPLETION PRESERVE DISABLE COMMENT 'no' DO DELETE FROM ticks;
            ALTER EVENT e0 ON SCHEDULE EVERY 2 DAY COMMENT 'sometimes';
        """
    )
    gate.run("snapshot")
    start = gate.run()
    assert said(start, "rehearsal.passed")[0]["not_rehearsed"] == 0
    assert said(start, "schema.verified")[0]["proof"] == "text"
    gate.database.run("ALTER EVENT e1 DISABLE")
    (difference,) = last(gate.run(expected=32))["differences"]
    assert (difference["kind"], difference["name"]) == ("event", "e1")


# --- the copy --------------------------------------------------------------------------------------------------------


def test_a_copy_has_what_the_pending_statements_can_meet(stage: Stage) -> None:
    """Foreign keys from both sides, views, triggers, routines and events of the live schema are there as well."""
    mysql = stage.database.server.flavour == "mysql"
    assert stage.tried(
        "DROP TABLE x",
        "ALTER TABLE x MODIFY id VARCHAR(20)",
        "ALTER TABLE y DROP FOREIGN KEY fk_y; DROP TABLE x",
    ) == ["refused 3730" if mysql else "refused 1451", "refused 3780" if mysql else "refused 1833", "tried"]
    assert stage.tried(
        "CREATE VIEW v AS SELECT 1",
        "CREATE TRIGGER t BEFORE UPDATE ON y FOR EACH ROW SET NEW.x = 1",
        "CREATE PROCEDURE p() SELECT 1",
        "CREATE FUNCTION f() RETURNS INT DETERMINISTIC RETURN 1",
        "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1",
    ) == ["refused 1050", "refused 1359", "refused 1304", "refused 1304", "refused 1537"]


def test_triggers_that_were_typed_with_qualified_names_are_copied_into_the_shadow(stage: Stage) -> None:
    """MariaDB shows the header as it was typed: made from that text, the copy would be a second trigger on live."""
    name = quoted(stage.database.name)
    stage.database.run(
        f"CREATE TRIGGER {name}.typed BEFORE INSERT ON {name}.plain FOR EACH ROW SET NEW.id = NEW.id + 1",
        f"CREATE TRIGGER {name}.typed2 AFTER INSERT ON {name}.plain FOR EACH ROW DELETE FROM {name}.gone",
    )
    assert stage.tried(
        "CREATE TRIGGER typed AFTER INSERT ON y FOR EACH ROW SET @a = 1", "INSERT INTO plain VALUES (1)"
    ) == ["refused 1359", "tried"]


def test_foreign_keys_to_other_schemas_are_left_out_of_the_copy_and_not_missed(gate: Gate) -> None:
    """They would keep others from changing their tables meanwhile; that they stay on live is known all the same."""
    other = gate.database.another()
    gate.database.run(f"CREATE TABLE {quoted(other)}.parent (id INT PRIMARY KEY)")
    gate.write(
        a_first=f"CREATE TABLE a (id INT PRIMARY KEY, CONSTRAINT far FOREIGN KEY (id) REFERENCES {other}.parent (id));"
    )
    gate.run()
    foreign: list[object] = []
    query = (
        "SELECT COUNT(*) FROM information_schema.table_constraints WHERE table_schema = %s AND constraint_name = 'far'"
    )

    def look(packet: Packet) -> None:
        if packet.payload.startswith(b"ALTER TABLE a"):
            foreign.append(gate.database.value(query, gate.database.shadow))

    gate.write(b_second="ALTER TABLE a ADD COLUMN n INT;")
    server = gate.database.server
    with RecordingProxy(server.host, server.port, before=look) as proxy:
        start = gate.run(MYSQL_HOST=proxy.host, MYSQL_PORT=str(proxy.port), SCHEMAGATE_TLS="off")
    assert foreign == [0, 0]  # in the shadow, and on live
    assert said(start, "rehearsal.passed")


def test_where_a_part_is_not_enough_everything_is_copied(gate: Gate) -> None:
    """First what the statements name; if that is refused, it may be for what was not copied."""
    gate.write(
        a_first="""
            CREATE TABLE a (id INT PRIMARY KEY);
            CREATE TABLE log (id INT PRIMARY KEY);
            CREATE TABLE far (id INT PRIMARY KEY);
            CREATE FUNCTION of_far() RETURNS INT READS SQL DATA RETURN (SELECT COUNT(*) FROM far);
            CREATE PROCEDURE notes() INSERT INTO log VALUES (of_far());
            CREATE TRIGGER noted AFTER INSERT ON a FOR EACH ROW CALL notes();
        """
    )
    gate.run()
    some = "CREATE TEMPORARY TABLE some (id INT); INSERT INTO a (id) SELECT id FROM some;"
    gate.write(b_second=f"{some} ALTER TABLE a ADD m INT;")
    gate.run("snapshot")
    start = gate.run()
    assert said(start, "rehearsal.passed")[0]["not_rehearsed"] == 0
    gate.write(c_third=f"{some} ALTER TABLE nowhere ADD m INT;")
    refused = gate.run(expected=14)
    assert (last(refused)["errno"], last(refused)["ordinal"]) == (1146, 3)


# --- live is not touched ---------------------------------------------------------------------------------------------


def test_a_rehearsal_that_fails_leaves_live_as_it_was(gate: Gate) -> None:
    """All that would have been done before the statement that does not work, and every row, as before."""
    database = gate.database
    database.run(*LIVE)
    gate.write(a_first="CREATE TABLE own (id INT PRIMARY KEY);").run()
    before = picture(database)
    gate.write(
        b_second=f"""
            ALTER TABLE x ADD COLUMN m INT, ADD INDEX (m);
            DROP TABLE gone;
            RENAME TABLE {database.name}.gone2 TO {database.name}.still_here;
            INSERT INTO x (id) VALUES (100);
            DELETE FROM y;
            DROP VIEW v;
            DROP TRIGGER t;
            CREATE EVENT e2 ON SCHEDULE EVERY 1 SECOND DO INSERT INTO x (id) VALUES (200);
            SET GLOBAL max_connect_errors = @@GLOBAL.max_connect_errors;
            TRUNCATE TABLE plain;
        """,
        c_third="ALTER TABLE x ADD COLUMN m INT;",
    )
    start = gate.run(expected=14)
    assert (last(start)["migration"], last(start)["errno"]) == ("c_third", 1060)
    assert last(start)["state"] == "not touched"
    assert picture(database) == before
    assert database.rows("SELECT migration FROM schemagate_journal") == (("a_first",),)


def picture(database: Database) -> dict[tuple[str, str], str]:
    with database.server.connect() as connection:
        found = objects(connection, database.name)
        return {(kind, name): how for _, kind, name, how in found if not name.startswith("schemagate_")}


THREE = "CREATE TABLE a (id INT PRIMARY KEY, n INT); CREATE TABLE b (id INT PRIMARY KEY);"


@pytest.mark.parametrize(
    ("by_hand", "expected", "part"),
    [
        ("ALTER TABLE a ADD COLUMN m INT", 14, None),  # what the migration is to add is there
        ("ALTER TABLE a DROP COLUMN n", 14, None),  # what the migration changes is not there
        ("ALTER TABLE b ADD COLUMN extra INT", 32, "column extra"),  # in what it does not name
        ("DROP TABLE b", 32, ""),
        ("ALTER TABLE a MODIFY n BIGINT", 0, None),  # it would be as expected in the end
        ("CREATE TABLE somebodys (id INT)", 0, None),
    ],
)
def test_live_pending_and_expected_are_put_together_before_anything_is_done(
    gate: Gate, by_hand: str, expected: int, part: str | None
) -> None:
    """Whatever was changed by hand: the start ends with the schema expected, or has not touched anything."""
    gate.write(a_first=THREE).run()
    gate.write(b_second="ALTER TABLE a ADD COLUMN m INT; ALTER TABLE a MODIFY n VARCHAR(20);")
    gate.run("snapshot")
    gate.database.run(by_hand)
    before = picture(gate.database)
    start = gate.run(expected=expected)
    if expected:
        assert picture(gate.database) == before
        assert last(start)["state"] == "not touched"
    if part is not None:
        assert [each["part"] for each in last(start)["differences"]] == [part]


@pytest.mark.parametrize(
    "second",
    [
        "ALTER TABLE child ADD INDEX by_parent (parent, id);",
        "ALTER TABLE child DROP FOREIGN KEY child_ibfk_1, ADD CONSTRAINT k FOREIGN KEY (parent) REFERENCES parent (id)",
        "ALTER TABLE child ADD INDEX by_parent (parent, id);\nALTER TABLE child ADD INDEX parent (parent, id);",
    ],
    ids=["another-index", "another-key", "its-name-is-free"],
)
def test_an_index_that_a_server_made_for_a_key_goes_as_it_does_on_live(gate: Gate, second: str) -> None:
    """It gives way to another one that does for the key; one that a migration makes stays. Its text says neither."""
    gate.write(
        a="CREATE TABLE parent (id INT PRIMARY KEY);\n"
        "CREATE TABLE child (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES parent (id));\n"
        "CREATE TABLE other (id INT PRIMARY KEY, parent INT, KEY parent (parent), "
        "FOREIGN KEY (parent) REFERENCES parent (id));"
    )
    gives_way(gate, b=second, c="ALTER TABLE other ADD INDEX by_parent (parent, id);")


CHILD = "CREATE TABLE child (id INT PRIMARY KEY, x INT, y INT, z INT{})"


@pytest.mark.parametrize(
    "first",
    [
        CHILD.format(", FOREIGN KEY an_index (x) REFERENCES parent (id)"),
        CHILD.format(", CONSTRAINT a_key FOREIGN KEY (x) REFERENCES parent (id)"),
        CHILD.format(", KEY x (y, z), FOREIGN KEY (x) REFERENCES parent (id)"),
        CHILD.format(", FOREIGN KEY (x, z) REFERENCES parent (m, n), FOREIGN KEY (x, y) REFERENCES parent (m, n)"),
        CHILD.format(", FOREIGN KEY (x) REFERENCES parent (id)").replace(" x ", " w ").replace("(x)", "(w)")
        + "; ALTER TABLE child CHANGE w x INT",
        CHILD.format(", FOREIGN KEY (x) REFERENCES parent (id)") + "; ALTER TABLE child DROP FOREIGN KEY child_ibfk_1",
        CHILD.format(", FOREIGN KEY (z) REFERENCES parent (id), FOREIGN KEY (x) REFERENCES parent (id)")
        + "; ALTER TABLE child DROP FOREIGN KEY child_ibfk_1",
        CHILD.format(", FOREIGN KEY (x) REFERENCES parent (id)").replace("child", "infant")
        + "; RENAME TABLE infant TO child",
    ],
    ids=[
        "index-named",
        "key-named",
        "name-taken",
        "two-of-a-column",
        "column-renamed",
        "key-dropped",
        "one-of-two-keys-dropped",
        "table-renamed",
    ],
)
def test_an_index_that_a_server_made_gives_way_whatever_its_name_is(gate: Gate, first: str) -> None:
    """Its name may be that of the key, of a column, or of what has been a column once, with a number; or any."""
    gate.write(a=f"CREATE TABLE parent (id INT PRIMARY KEY, m INT, n INT, UNIQUE KEY mn (m, n));\n{first};")
    gives_way(gate, b="ALTER TABLE child ADD INDEX more (x, y, z);")


def gives_way(gate: Gate, **later: str) -> None:
    """What comes later is rehearsed as it is to be, and is done."""
    gate.run("snapshot")
    gate.run()
    gate.write(**later)
    gate.run("snapshot")
    start = gate.run()
    assert said(start, "rehearsal.passed")
    assert not said(start, "schema.healed")
    gate.run("check")


def test_a_stale_snapshot_is_found_before_anything_is_done(gate: Gate) -> None:
    """The migrations, run from nothing in the shadow, build something else than it says."""
    gate.write(a_first=THREE).run()
    gate.write(b_second="ALTER TABLE a ADD COLUMN m INT;")
    gate.run("snapshot")
    gate.write(b_second="ALTER TABLE a ADD COLUMN m BIGINT;")
    before = picture(gate.database)
    start = gate.run(expected=15)
    assert picture(gate.database) == before
    assert last(start)["state"] == "not touched"


# --- its name --------------------------------------------------------------------------------------------------------


SOMEBODYS = (
    "CREATE TABLE {}.precious (id INT)",
    "CREATE VIEW {}.precious AS SELECT 1",
    "CREATE PROCEDURE {}.precious() SELECT 1",
    "CREATE EVENT {}.precious ON SCHEDULE EVERY 1 DAY DISABLE DO SELECT 1",
    "CREATE TABLE {}.schemagate_shadow_of (id INT)",
    "CREATE TABLE {}.schemagate_shadow_of SELECT 'another gate' AS of_schema",
)


def test_a_schema_of_somebody_else_is_never_dropped(gate: Gate) -> None:
    """It has objects and no marker of ours: then there is no rehearsal, and that is said."""
    database = gate.database
    gate.write(a_first="CREATE TABLE a (id INT);").run()
    for number, thing in enumerate(SOMEBODYS):
        name = database.another()
        database.run(thing.format(quoted(name)))
        before = list(objects(database.connect(), name))
        gate.write(**{f"b{number}": f"CREATE TABLE b{number} (id INT);"})
        (skipped,) = said(gate.run(SCHEMAGATE_SHADOW=name), "rehearsal.skipped")
        assert name in skipped["reason"]
        assert list(objects(database.connect(), name)) == before
        assert ("table", f"b{number}") in database.objects()


def test_a_shadow_has_the_name_that_is_set(gate: Gate) -> None:
    """Also one that has to be quoted; and it is gone afterwards."""
    name = f"{gate.database.name} `sha'dow"
    gate.write(a_first="CREATE TABLE a (id INT);").run()
    gate.write(b_second=f"CREATE TABLE b (id INT); CREATE TABLE {gate.database.name}.c (id INT);")
    assert said(gate.run(SCHEMAGATE_SHADOW=name), "rehearsal.passed")
    gate.write(c_third="CREATE TABLE b (id INT);")
    gate.run(expected=14, SCHEMAGATE_SHADOW=name)
    assert not gate.database.rows("SELECT 1 FROM information_schema.schemata WHERE schema_name = %s", name)


def test_a_shadow_can_be_switched_off(gate: Gate) -> None:
    """Then nothing is tried beforehand, and that is said."""
    gate.write(a_first="CREATE TABLE a (id INT);").run()
    gate.write(b_second="CREATE TABLE b (id INT);")
    start = gate.run(SCHEMAGATE_SHADOW="off")
    assert said(start, "rehearsal.skipped")[0]["reason"] == "SCHEMAGATE_SHADOW is off"
    gate.write(c_third="CREATE TABLE b (id INT);")
    assert last(gate.run(expected=30, SCHEMAGATE_SHADOW="off"))["errno"] == 1050


def test_the_live_schema_is_no_shadow(gate: Gate) -> None:
    """Whoever sets it so is told; nothing is connected to."""
    gate.write(a_first="CREATE TABLE a (id INT);")
    for name in (gate.database.name, gate.database.name.upper()):
        start = gate.run(expected=10, SCHEMAGATE_SHADOW=name)
        assert "SCHEMAGATE_SHADOW" in last(start)["message"]
    assert not gate.database.objects()


# --- ends ------------------------------------------------------------------------------------------------------------


def killed_before(gate: Gate, words: bytes) -> None:
    """A start that is killed with -9 when it is about to send this in the shadow's session."""
    server = gate.database.server
    starts: list[Start] = []

    def kill(packet: Packet) -> None:
        if packet.payload.startswith(words):
            until(lambda: bool(starts), "the start is known")
            starts[0].process.kill()
            starts[0].process.wait()
            raise ConnectionError("and the packet is lost")

    with RecordingProxy(server.host, server.port, before=kill) as proxy:
        starts.append(gate.begin(MYSQL_HOST=proxy.host, MYSQL_PORT=str(proxy.port), SCHEMAGATE_TLS="off"))
        assert starts[0].wait() == -9, starts[0].text


@pytest.mark.parametrize(
    "words", ["CREATE TABLE `{}`.schemagate_shadow_of", "INSERT INTO `{}`.schemagate_shadow_of", "CREATE TABLE c"]
)
def test_a_shadow_that_a_killed_start_left_is_dropped_by_the_next(gate: Gate, words: str) -> None:
    """At whatever moment: before its marker is there, before the marker is filled, in the middle."""
    database = gate.database
    gate.write(a_first="CREATE TABLE a (id INT);").run()
    gate.write(b_second="CREATE TABLE b (id INT); CREATE TABLE c (id INT);")
    killed_before(gate, words.format(database.shadow).encode())
    assert shadow_is_there(database)
    assert ("table", "b") not in database.objects()
    start = gate.run()
    assert said(start, "rehearsal.passed")
    assert last(start)["applied"] == 2
    assert not shadow_is_there(database)


def test_a_shadow_that_a_killed_start_left_at_the_very_end_is_dropped_by_the_next(gate: Gate) -> None:
    """Nothing was remembered yet, so that the next start is none with nothing to do."""
    database = gate.database
    gate.write(a_first="CREATE TABLE a (id INT);").run()
    gate.write(b_second="CREATE TABLE b (id INT);")
    killed_before(gate, b"DROP DATABASE")
    assert shadow_is_there(database)
    assert last(gate.run())["applied"] == 0
    assert not shadow_is_there(database)
    assert last(gate.run())["unchanged"] is True


def test_a_shadow_whose_session_is_cut_at_the_very_end_is_dropped_by_the_next_start(gate: Gate) -> None:
    """The gate opens all the same: what was to be proven was."""
    database, server = gate.database, gate.database.server
    gate.write(a_first="CREATE TABLE a (id INT);").run()
    gate.write(b_second="CREATE TABLE b (id INT);")

    def cut(packet: Packet) -> None:
        if packet.payload.startswith(b"DROP DATABASE"):
            raise ConnectionError("and the packet is lost")

    with RecordingProxy(server.host, server.port, before=cut) as proxy:
        start = gate.run(MYSQL_HOST=proxy.host, MYSQL_PORT=str(proxy.port), SCHEMAGATE_TLS="off")
    assert last(start)["applied"] == 1
    assert shadow_is_there(database)
    assert last(gate.run())["applied"] == 0
    assert not shadow_is_there(database)
    assert last(gate.run())["unchanged"] is True


def shadow_is_there(database: Database) -> bool:
    return bool(database.rows("SELECT 1 FROM information_schema.schemata WHERE schema_name = %s", database.shadow))


@pytest.mark.parametrize(
    "words",
    ["CREATE DATABASE", "CREATE TABLE `{}`.schemagate_shadow_of", "INSERT INTO `{}`.schemagate_shadow_of", "DROP"],
)
def test_two_gates_with_one_shadow_do_not_meet_in_it(database: Database, tmp_path: Path, words: str) -> None:
    """Set so by mistake: at whatever moment the other comes, each ends with its own schema, and no shadow is left."""
    shadow = f"{database.name}_shared"
    gates = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        theirs = database if name == "one" else Database(database.server)
        gates.append(Gate(theirs, folder).write(a_first=f"CREATE TABLE {name} (id INT);"))
        gates[-1].run()
        gates[-1].write(b_second=f"ALTER TABLE {name} ADD COLUMN n INT; CREATE TABLE {name}2 (id INT);")
    one, two = gates
    came: list[Start] = []

    def come(packet: Packet) -> None:
        if packet.payload.startswith(words.format(shadow).encode()) and not came:
            came.append(two.run(SCHEMAGATE_SHADOW=shadow))

    try:
        server = database.server
        with RecordingProxy(server.host, server.port, before=come) as proxy:
            one.run(MYSQL_HOST=proxy.host, MYSQL_PORT=str(proxy.port), SCHEMAGATE_TLS="off", SCHEMAGATE_SHADOW=shadow)
        assert came
        for gate, name in ((one, "one"), (two, "two")):
            tables = {table for kind, table in gate.database.objects() if not table.startswith("schemagate_")}
            assert tables == {name, f"{name}2"}
            assert last(gate.run(SCHEMAGATE_SHADOW=shadow))["unchanged"] is True
        assert not database.rows("SELECT 1 FROM information_schema.schemata WHERE schema_name = %s", shadow)
    finally:
        database.run(f"DROP DATABASE IF EXISTS {quoted(shadow)}")
        assert two.database.remove() == []


@pytest.mark.parametrize("lost", ["killed", "given back", "watch killed"])
@pytest.mark.parametrize("has_one", [False, True], ids=["before-it-is-made", "when-it-was-made"])
def test_who_has_lost_the_lock_leaves_the_shadow_to_whoever_has_it(stage: Stage, lost: str, has_one: bool) -> None:
    """A start that was frozen does not know: it neither makes, empties nor drops it, nor ends a session in it."""
    database, stop, log = stage.database, Stop(), make_log("json", None)
    name = database.name
    watching, greeting = meet(stage.settings_for("SELECT 1"), stop, log, to_write=True)
    with (
        alone(watching, greeting.server, stage.settings, stop, log) as session,
        Shadows(stage.settings, greeting.server, stop, session) as shadows,
        database.connect() as other,
        other.cursor() as cursor,
    ):
        if has_one:
            shadows.get()
        if lost == "killed":
            cursor.execute(f"KILL {session.id}")
        elif lost == "given back":
            give_back(session, name)
        if lost != "given back":
            cursor.execute(f"KILL {watching.id}")
        for each in (alive_name(name), lock_name(name))[: 1 if lost == "watch killed" else 2]:
            cursor.execute("SELECT GET_LOCK(%s, 9)", [each])
        cursor.execute(f"DROP DATABASE IF EXISTS {quoted(database.shadow)}")
        for text in ("CREATE DATABASE {0}", "CREATE TABLE {0}.{1} (of_schema VARCHAR(64) PRIMARY KEY)", "USE {0}"):
            cursor.execute(text.format(quoted(database.shadow), MARKER))
        cursor.execute(f"INSERT INTO {MARKER} VALUES (%s)", [name])
        cursor.execute("CREATE TABLE theirs (id INT)")
        with pytest.raises(ConnectionLost):
            shadows.get()
        assert shadows.close() is not has_one
        cursor.execute("SHOW TABLES")
        assert sorted(cursor.fetchall()) == [(MARKER,), ("theirs",)]
        cursor.execute(f"DROP DATABASE {quoted(database.shadow)}")


def test_a_start_that_is_asked_to_stop_while_it_rehearses_drops_its_shadow(gate: Gate) -> None:
    """Nothing was touched, and it says so."""
    server = gate.database.server
    gate.write(a_first="CREATE TABLE a (id INT);").run()
    gate.write(b_second="CREATE TABLE b (id INT); CREATE TABLE c (id INT);")
    starts: list[Start] = []

    def stop(packet: Packet) -> None:
        if packet.payload.startswith(b"CREATE TABLE b"):
            until(lambda: bool(starts), "the start is known")
            starts[0].process.terminate()
            time.sleep(0.05)

    with RecordingProxy(server.host, server.port, before=stop) as proxy:
        starts.append(gate.begin(MYSQL_HOST=proxy.host, MYSQL_PORT=str(proxy.port), SCHEMAGATE_TLS="off"))
        assert starts[0].wait() == 143
    assert "not touched" in last(starts[0])["message"]
    assert ("table", "b") not in gate.database.objects()


@pytest.fixture(autouse=True)
def no_shadow_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Of whatever name: the fixture `database` knows that of the default alone."""
    yield
    server = request.getfixturevalue("server")
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT table_schema FROM information_schema.tables WHERE table_name = 'schemagate_shadow_of'")
        left = [name for (name,) in cursor.fetchall() if name.startswith(("test_", "schemagate_test"))]
    assert not left
