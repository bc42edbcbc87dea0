"""Views, triggers, routines, events and sequences: read, compared, loaded again; and what an account may not see."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator

import pytest

from schemagate import snapshot
from schemagate.listing import KINDS, creates, fingerprint, listing, parse_listing
from schemagate.loading import with_left_out
from schemagate.schema import CHARSETS, Difference, Schema, compare, parse_charsets
from tests.database import programs
from tests.database.schemas import load, read, session, told
from tests.databases import Database, quoted


@pytest.fixture
def full(database: Database) -> Iterator[Database]:
    """A schema with all kinds of objects."""
    programs.make(database)
    yield database
    # A schema with parents of a foreign key in another schema cannot be dropped before that.
    database.run("DROP TABLE IF EXISTS u")


@pytest.fixture
def elsewhere(full: Database) -> Iterator[str]:
    """Another schema, empty, with the same default collation."""
    other = full.another()
    full.run(f"ALTER DATABASE {quoted(other)} COLLATE {read(full).collation}")
    yield other
    full.run(f"DROP TABLE IF EXISTS {quoted(other)}.u")


def test_every_kind_of_object_loads_into_another_schema_and_is_the_same_there(full: Database, elsewhere: str) -> None:
    """Also where a trigger was typed with the schema's name, and where the session that made an object was another."""
    found = read(full)
    kinds = {"table", "view", "trigger", "procedure", "function", "event"} | (
        {"sequence"} if full.server.flavour == "mariadb" else set()
    )
    assert {kind for kind, _ in found.objects} == kinds
    assert not found.unseen
    load(full, elsewhere, found, shadow=False)
    differences = compare(found, read(full, elsewhere))
    assert not differences, told(differences)


def test_nothing_that_is_loaded_into_the_shadow_runs_or_reaches_out_of_it(full: Database, elsewhere: str) -> None:
    """Events are asleep, keys to other schemas are left out, and for the comparison both count as they were."""
    found = read(full)
    full.run("CREATE TABLE gone (a INT)", "CREATE VIEW broken AS SELECT a FROM gone")
    full.run("CREATE VIEW broken_too AS SELECT a FROM broken", "DROP TABLE gone")
    full.run("CREATE FUNCTION gone () RETURNS INT DETERMINISTIC RETURN 1", "CREATE VIEW calls AS SELECT gone() AS a")
    full.run("DROP FUNCTION gone")
    found = read(full)
    load(full, elsewhere, found, shadow=True)

    copy = read(full, elsewhere)
    left_out = {d.name if not d.part else d.part for d in compare(found, copy)}
    assert left_out == {"foreign key outside", "broken", "broken_too", "calls"}
    assert not compare(found, with_left_out(copy, found))
    awake = full.rows(
        "SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = %s AND STATUS = 'ENABLED'", elsewhere
    )
    assert awake == ()


@pytest.mark.parametrize("options", [(), ("--skip-comments",), ("--comments",)], ids=["as-it-is", "skip", "comments"])
def test_the_client_loads_a_snapshot_and_the_schema_is_the_one_recorded(
    full: Database, elsewhere: str, options: tuple[str, ...]
) -> None:
    """With whatever the client does to comments: MariaDB's leaves them out of bodies, MySQL's does not."""
    found = read(full)
    text = snapshot.render(found, flavour=full.server.flavour, version="1.2.3", migrations_sha256="0" * 64)
    command = full.server.client_command(elsewhere, "--default-character-set=utf8mb4", *options)
    done = subprocess.run(
        command,
        input=text.encode(),
        env={**os.environ, "MYSQL_PWD": full.server.password},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    differences = compare(found, read(full, elsewhere))
    assert not differences, told(differences)


def test_a_snapshot_says_what_the_server_says(full: Database) -> None:
    """Written and read again it is the same schema, and the header tells whether it was edited."""
    found = read(full)
    with session(full) as connection:
        charsets = parse_charsets(connection.execute(CHARSETS))
    text = snapshot.render(found, flavour="mysql", version="9.7.4", migrations_sha256="ab" * 32)
    parsed = snapshot.parse(text, "schema.sql", charsets)
    assert not compare(found, parsed.schema), told(compare(found, parsed.schema))
    assert not compare(parsed.schema, found)
    assert parsed.body_matches
    assert parsed.header == snapshot.header_of(text)
    again = snapshot.render(parsed.schema, flavour="mysql", version="9.7.4", migrations_sha256="ab" * 32)
    assert again == text


A9 = "DROP TRIGGER a9; CREATE TRIGGER a9"
P2 = "DROP PROCEDURE p2; CREATE PROCEDURE p2"
V16 = "VIEW v16 AS SELECT * FROM (SELECT a, b FROM t WHERE a < 5) AS sub"
# One after the other; and what then differs from before, as "object: clause".
CHANGES: list[tuple[str, *tuple[str, ...]]] = [
    ("CREATE OR REPLACE VIEW v08 AS SELECT b AS a FROM u", "view v08: body"),
    ("CREATE OR REPLACE ALGORITHM=MERGE VIEW v08 AS SELECT b AS a FROM u", "view v08: algorithm"),
    (f"CREATE OR REPLACE SQL SECURITY INVOKER {V16}", "view v16: sql security"),
    (f"SET collation_connection = utf8mb4_bin; CREATE OR REPLACE SQL SECURITY INVOKER {V16}",
     "view v16: collation_connection"),
    ("CREATE OR REPLACE ALGORITHM=MERGE SQL SECURITY INVOKER VIEW v03 AS SELECT a FROM t WHERE a > 1",
     "view v03: body"),
    ("DROP VIEW v16", "view v16: "),
    (f"{A9} BEFORE UPDATE ON t FOR EACH ROW BEGIN END", "trigger a9: event"),
    (f"{A9} BEFORE UPDATE ON u FOR EACH ROW BEGIN END", "trigger a9: table"),
    (rf"{A9} BEFORE UPDATE ON u FOR EACH ROW SET @a = '^\d'", "trigger a9: body"),
    (rf"{A9} BEFORE UPDATE ON u FOR EACH ROW SET @a = '^\\d'", "trigger a9: body"),
    (f"{A9} BEFORE UPDATE ON u FOR EACH ROW SET @a = 1", "trigger a9: body"),
    (f"{A9} BEFORE UPDATE ON u FOR EACH ROW SET /* nothing */ @a = 1",),
    (f"SET sql_mode = 'ANSI_QUOTES'; {A9} BEFORE UPDATE ON u FOR EACH ROW SET @a = 1", "trigger a9: sql_mode"),
    ("DROP TRIGGER z2; CREATE TRIGGER z2 BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 2",
     "table t: order of triggers BEFORE INSERT"),
    ("DROP TRIGGER z2; CREATE TRIGGER z2 BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 2",),
    (f"{P2} () SELECT 1 # another comment",),
    (f"{P2} () SELECT  /* in it */ 1",),
    (f"{P2} () SELECT 2", "procedure p2: body"),
    (f"{P2} (x INT) SELECT 2", "procedure p2: body"),
    (f"{P2} () SELECT ' /* */ '", "procedure p2: body"),
    (f"{P2} () SELECT '  '", "procedure p2: body"),
    ("ALTER PROCEDURE p2 SQL SECURITY INVOKER", "procedure p2: body"),
    ("ALTER PROCEDURE p2 COMMENT 'x'", "procedure p2: body"),
    ("DROP FUNCTION f2", "function f2: "),
    ("ALTER EVENT e1 ON SCHEDULE EVERY 2 DAY", "event e1: schedule"),
    ("ALTER EVENT e1 ON SCHEDULE EVERY 2 DAY STARTS '2031-01-01'",),
    ("ALTER EVENT e1 ENABLE", "event e1: status"),
    ("ALTER EVENT e1 COMMENT 'y'", "event e1: comment"),
    ("ALTER EVENT e1 ON COMPLETION NOT PRESERVE", "event e1: on completion"),
    ("ALTER EVENT e1 DO SELECT 2", "event e1: body"),
    ("SET time_zone = '+05:00'; ALTER EVENT e1 ON SCHEDULE EVERY 2 DAY", "event e1: time_zone"),
    ("DROP EVENT once",),
]  # fmt: skip


def test_every_single_change_of_a_program_is_found_and_named(full: Database) -> None:
    """And comments, order of making and the times that a server fills in are no change."""
    before = read(full)
    for change, *expected in CHANGES:
        full.run(*re.split("; (?=ALTER|CREATE|DROP)", change))
        after = read(full)
        assert sorted(f"{d.kind} {d.name}: {d.part}" for d in compare(before, after)) == sorted(expected), change
        full.run("SET sql_mode = @@global.sql_mode, time_zone = 'SYSTEM'", "SET NAMES utf8mb4")
        before = after


def test_what_is_ours_is_not_part_of_the_schema(database: Database) -> None:
    """The journal's tables, and whatever else is named schemagate_."""
    database.run("CREATE TABLE schemagate_journal (a INT)", "CREATE TABLE theirs (a INT)")
    database.run("CREATE VIEW schemagate_v AS SELECT 1")
    assert set(read(database).objects) == {("table", "theirs")}


def test_reading_takes_two_packets(full: Database) -> None:
    """However many objects there are."""
    packets: list[int] = []
    with session(full) as connection:

        class Counting:
            def packet(self, texts: object, /) -> object:
                packets.append(len(list(texts)))  # type: ignore[call-overload]
                return connection.packet(texts)  # type: ignore[arg-type]

        from schemagate import schema

        schema.read(Counting(), full.server.flavour)  # type: ignore[arg-type]
    assert len(packets) == 2


def _fingerprint(database: Database, account: tuple[str, str] | None = None) -> dict[str, bytes]:
    with session(database, account=account) as connection:
        listed = parse_listing(connection.packet(listing()))  # type: ignore[arg-type]
        return fingerprint(listed, connection.packet(creates(listed)))


def test_the_fingerprint_changes_with_every_kind_and_with_nothing_else(full: Database) -> None:
    """Rows and counters do not count; each change shows in the digest of its kind alone."""
    before = _fingerprint(full)
    assert before == _fingerprint(full)
    full.run("CREATE TABLE counted (id INT AUTO_INCREMENT PRIMARY KEY)")
    now = _fingerprint(full)
    assert {kind for kind in now if now[kind] != before[kind]} == {"table"}
    full.run("INSERT INTO counted VALUES (7)", "ALTER TABLE counted AUTO_INCREMENT = 99")
    assert _fingerprint(full) == now
    for change, kind in [
        ("ALTER TABLE counted COMMENT = ' AUTO_INCREMENT=5 '", "table"),
        ("ALTER TABLE counted COMMENT = ' AUTO_INCREMENT=6 '", "table"),
        ("CREATE OR REPLACE VIEW v08 AS SELECT b AS a FROM u", "view"),
        ("DROP TRIGGER a8", "trigger"),
        ("ALTER PROCEDURE p1 COMMENT 'x'", "procedure"),
        ("ALTER FUNCTION f2 COMMENT 'x'", "function"),
        ("ALTER EVENT e1 COMMENT 'y'", "event"),
        (f"ALTER DATABASE {full.name} COLLATE utf8mb4_bin", "schema"),
    ]:
        before = now
        full.run(change)
        now = _fingerprint(full)
        assert {name for name in now if now[name] != before[name]} == {kind}, change


GRANTS = [
    (("ALL ON {database}.*",), set(), "all"),
    (("SELECT, SHOW VIEW ON {database}.*",), {"trigger", "event", "procedure", "function"}, "read"),
    (("SELECT ON {database}.*",), {"trigger", "event", "procedure", "function", "view"}, "select"),
    (("SELECT, SHOW VIEW, TRIGGER, EVENT ON {database}.*",), {"procedure", "function"}, "check"),
    (("SELECT, SHOW VIEW, TRIGGER, EVENT, EXECUTE ON {database}.*",), {"procedure", "function"}, "execute"),
    (("SELECT, SHOW VIEW, TRIGGER, EVENT ON *.*",), set(), "everywhere"),
    (("SELECT, SHOW VIEW, TRIGGER, EVENT ON {database}.*", "SHOW_ROUTINE ON *.*"), set(), "routines"),
    (("SELECT, TRIGGER ON {database}.t",), {*KINDS}, "one"),
]  # fmt: skip


@pytest.mark.parametrize(("grants", "unseen"), [case[:2] for case in GRANTS], ids=[case[2] for case in GRANTS])
def test_what_an_account_cannot_see_is_unseen_and_not_missing(
    full: Database, grants: tuple[str, ...], unseen: set[str]
) -> None:
    """Never equal and never missing: a kind of which some may be hidden is not compared, and has no fingerprint."""
    if any("SHOW_ROUTINE" in grant for grant in grants) and full.server.flavour == "mariadb":
        grants = (grants[0], "SELECT ON mysql.proc")
    if grants[0].startswith("ALL") and (full.server.flavour == "mysql" or full.server.version < (11, 3)):
        unseen = {"procedure", "function"}  # their bodies are for their definers, and for those who may read all
    account = full.account(*grants)
    everything, found = read(full), read(full, account=account)
    assert found.unseen == frozenset(unseen)
    assert not compare(everything, found), told(compare(everything, found))
    assert not compare(found, everything)
    digests = _fingerprint(full, account)
    whole = _fingerprint(full)
    assert {kind for kind in whole if kind not in digests} == unseen
    # MySQL writes a view otherwise for an account that may not use all of it.
    assert {kind for kind, digest in digests.items() if whole[kind] != digest} <= {"view"}


def test_the_fingerprint_of_a_definer_has_all_kinds(database: Database) -> None:
    """The usual account: it has all rights on its schema, and made everything in it."""
    account = database.account("ALL ON {database}.*")
    with database.connect(*account) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE PROCEDURE p () SELECT 1")
        cursor.execute("CREATE TABLE t (a INT)")
    assert not read(database, account=account).unseen
    assert set(_fingerprint(database, account)) == {"schema", *KINDS}


def _kinds(differences: tuple[Difference, ...]) -> Iterator[str]:
    return (d.kind for d in differences)


def test_a_difference_in_what_is_seen_is_found_beside_what_is_unseen(full: Database) -> None:
    """Less is compared, and that is compared all the same."""
    account = full.account("SELECT, SHOW VIEW ON {database}.*")
    before: Schema = read(full)
    full.run("ALTER TABLE t ADD more INT", "DROP TRIGGER a8", "DROP PROCEDURE p1")
    assert set(_kinds(compare(before, read(full, account=account)))) == {"table"}
