"""Which files are migrations, and what may not be in one?"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from schemagate import checksums
from schemagate.errors import MigrationInvalid
from schemagate.files import find, unreadable
from schemagate.history import Past
from schemagate.migrations import Migrations, excerpt, load
from schemagate.plan import edit
from schemagate.server import Server
from schemagate.sql import Statement

HERE = Server("mysql", "9.7.4", (9, 7, 4), "uuid", True, "me@%", "app", "utf8mb4_bin", "2026-01-01")
MARIADB = Server("mariadb", "10.11.18-MariaDB", (10, 11, 18), "uuid", True, "me@%", "app", "utf8mb4_bin", "2026-01-01")


def loaded(directory: Path, **files: str | bytes) -> Migrations:
    for name, text in files.items():
        (directory / f"{name}.sql").write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(find(str(directory)))


def refusal(directory: Path, **files: str | bytes) -> MigrationInvalid:
    with pytest.raises(MigrationInvalid) as caught:
        loaded(directory, **files)
    return caught.value


def test_names_order_and_identify(tmp_path: Path) -> None:
    """The whole name counts, by code points; files that share a date are two migrations."""
    found = loaded(
        tmp_path, **{"20251121_b": "SELECT 1", "20251121_a": "SELECT 1", "00_x": "SELECT 1", "B": "", "a": ""}
    )
    assert [migration.name for migration in found.all] == ["00_x", "20251121_a", "20251121_b", "B", "a"]


def test_a_file_says_which_older_code_works_with_it(tmp_path: Path) -> None:
    """By the newest migration that such code knows, with or without `.sql`; before the first statement."""
    found = loaded(
        tmp_path,
        a="SELECT 1",
        b="-- schemagate: compatible-with a\nSELECT 1;\nSELECT 2",
        c="-- why\n\n-- schemagate: compatible-with a.sql\n-- more\nSELECT 1",
        d="SELECT 1",
    )
    assert [each.compatible_with for each in found.all] == [None, "a", "a", None]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("-- schemagate: compatible-with c\nSELECT 1", 1),  # itself
        ("-- schemagate: compatible-with z\nSELECT 1", 1),  # later, or misspelt
        ("SELECT 1;\n-- schemagate: compatible-with a\nSELECT 2", 2),
        ("-- schemagate: compatible-with a\n-- schemagate: compatible-with b\nSELECT 2", 2),
        ("-- schemagate: compatible-with\nSELECT 2", 1),
    ],
)
def test_a_word_on_older_code_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, line: int) -> None:
    """It would let code through of which nobody said that it works."""
    error = refusal(tmp_path, a="SELECT 1", b="SELECT 1", c=text, d="SELECT 1")
    assert (error.facts["file"], error.facts["line"]) == ("c.sql", line)
    assert "compatible-with" in error.message


def test_the_snapshot_and_other_files_are_no_migrations(tmp_path: Path) -> None:
    """schema.sql is the snapshot; what does not end in .sql, hidden files and folders' contents are nothing to us."""
    for name in ("README.md", ".a.sql", "schema.sql"):
        (tmp_path / name).write_text("no SQL at all '")
    found = loaded(tmp_path, one="SELECT 1")
    assert [migration.name for migration in found.all] == ["one"]
    assert found.snapshot == str(tmp_path / "schema.sql")


@pytest.mark.parametrize("name", [".sql", "a.SQL", "x" * 251 + ".sql", "a\nb.sql"])
def test_an_impossible_name_is_refused(tmp_path: Path, name: str) -> None:
    """Rather than passed over without a word."""
    try:
        (tmp_path / name).write_text("SELECT 1")
    except OSError:  # a name longer than the file system takes cannot come to us either
        assert len(name) > 255
        return
    assert refusal(tmp_path).facts["file"] == name


def test_a_folder_named_like_a_migration_is_refused(tmp_path: Path) -> None:
    """A migration is one file."""
    (tmp_path / "a.sql").mkdir()
    assert "not a file" in refusal(tmp_path).message


def test_no_migration_at_all_is_refused(tmp_path: Path) -> None:
    """A mount that failed looks like an empty directory: the gate stays shut."""
    error = refusal(tmp_path)
    assert str(tmp_path) in error.message
    assert "SCHEMAGATE_MIGRATIONS" in error.message
    assert "cannot be read" in refusal(tmp_path / "nowhere").message


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("SELECT 1;\n-- why\nUSE other;", 3),
        ("ALTER DATABASE x CHARACTER SET utf8mb4", 1),
        ("DROP SCHEMA x", 1),
        ("LOCK TABLES a WRITE", 1),
        ("SELECT 1;\nUNLOCK TABLES", 2),
        ("START TRANSACTION;\nROLLBACK", 2),
        ("XA BEGIN 'x'", 1),
        ("SET autocommit = 0", 1),
        ("SET @x = 1, @@session.autocommit = 0", 1),
        ("SELECT\nRELEASE_ALL_LOCKS()", 1),
        ("DO release_all_locks()", 1),
        ("SELECT 1 INTO OUTFILE '/tmp/x'", 1),
        ("START TRANSACTION;\nINSERT INTO a VALUES (1);\nCOMMIT AND CHAIN", 3),
        ("SELECT 1;\nSTART TRANSACTION;\nINSERT INTO a VALUES (1);", 2),
        ("SET SESSION TRANSACTION READ ONLY", 1),
        ("SET `autocommit` = 0", 1),
        ("SET completion_type = 1", 1),
        ("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", 1),
        ("SET SESSION sql_select_limit = 0", 1),
        ("START TRANSACTION READ ONLY;\nSELECT 1;\nCOMMIT", 1),
        ("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY;\nCOMMIT", 1),
        ("SET character_set_results = utf16", 1),
        ("SET @x = 1,\ncharacter_set_results='ucs2'", 1),
        ("FLUSH TABLES WITH READ LOCK", 1),
        ("SELECT 1;\nFLUSH LOCAL TABLES a, b FOR EXPORT", 2),
        ("BACKUP STAGE START", 1),
        ("LOCK INSTANCE FOR BACKUP", 1),
        ("UNLOCK INSTANCE", 1),
        ("SHUTDOWN", 1),
        ("KILL 7", 1),
        ("SELECT 1;\nCREATE TABLE schemagate_mine (id INT)", 2),
        ("CREATE TEMPORARY TABLE IF NOT EXISTS SchemaGate_journal (id INT)", 1),
        ("CREATE OR REPLACE VIEW `app`.`schemagate_v` AS SELECT 1", 1),
        ("CREATE SEQUENCE schemagate_s", 1),
        ("CREATE TRIGGER schemagate_t BEFORE INSERT ON t FOR EACH ROW SET @a = 1", 1),
        ("RENAME TABLE a TO b, c TO schemagate_c", 1),
        ("ALTER TABLE a ADD x INT, RENAME schemagate_a", 1),
        ("SELECT 1;\n\n-- schemagate: no_structure\nCALL p()", 3),
        ("CALL p() -- schemagate: nostructure", 1),
    ],
)
def test_what_no_migration_may_hold(tmp_path: Path, text: str, line: int) -> None:
    """Refused with file and line, before any server is asked."""
    error = refusal(tmp_path, bad=text)
    assert (error.facts["file"], error.facts["line"]) == ("bad.sql", line)
    assert error.message.startswith(f"bad.sql:{line}: ")


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 'USE other; LOCK TABLES', \"into outfile\"",
        "START TRANSACTION; INSERT INTO a VALUES (1); COMMIT;",
        "BEGIN; UPDATE a SET x = 1; SAVEPOINT s; ROLLBACK TO SAVEPOINT s; COMMIT WORK;",
        "INSERT INTO uses VALUES ('rollback')",
        "CREATE TABLE `use` (`xa` INT)",
        "SELECT 1 AS outfile, 'a' INTO @dumpfile",
        "'no word at all'",
        "-- schemagate: no-structure\nCALL p()",
        "CREATE TABLE t (schemagate_id INT); CREATE VIEW v AS SELECT * FROM schemagate_starts; DROP TABLE schemagate_a",
        "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW FOLLOWS schemagate_b DO 1; RENAME TABLE schemagate_a TO c",
        "-- schemagate: repeatable\n-- schemagate: no-structure it only fills\nCALL p()",
        "FLUSH TABLES; FLUSH STATUS; START TRANSACTION READ WRITE; COMMIT; SET character_set_results = utf8mb4",
        "-- USE other\n/* LOCK TABLES */ SELECT 1",
        "START TRANSACTION; INSERT INTO a VALUES (1); CREATE TABLE b (x INT)",
    ],
)
def test_what_only_looks_forbidden(tmp_path: Path, text: str) -> None:
    """Words in strings, names and comments are no statements; DDL ends a transaction by itself."""
    assert loaded(tmp_path, good=text).all[0].count >= 1


def test_the_digest_tells_any_change(tmp_path: Path) -> None:
    """Of a text, of a name, of the snapshot."""
    digests = [loaded(tmp_path, a="SELECT 1").digest]
    digests.append(loaded(tmp_path, a="SELECT 1 ").digest)
    digests.append(loaded(tmp_path, b="").digest)
    (tmp_path / "schema.sql").write_text("-- x")
    digests.append(loaded(tmp_path).digest)
    (tmp_path / "a.sql").rename(tmp_path / "c.sql")
    digests.append(loaded(tmp_path).digest)
    assert len(set(digests)) == 5


def test_line_ends_do_not_make_other_statements(tmp_path: Path) -> None:
    """A checkout on Windows is the same history."""
    first = loaded(tmp_path, a="CREATE TABLE a (\n  x INT\n);\nSELECT 1;\n")
    second = loaded(tmp_path, a="\ufeffCREATE TABLE a (\r\n  x INT\r\n);\r\nSELECT 1;\r\n")
    assert first.all[0].checksums == second.all[0].checksums
    assert first.sha256 == second.sha256
    assert first.digest != second.digest


def test_what_others_may_not_read_is_told_with_the_way_out() -> None:
    """A checkout under `umask 077`, mounted into a container where somebody else runs."""
    said = unreadable(PermissionError(13, "Permission denied"), "/migrations")
    assert said.startswith(f"cannot be read by user {os.geteuid()}, as whom we run: Permission denied.")
    assert "chmod -R a+rX /migrations" in said
    assert unreadable(FileNotFoundError(2, "No such file"), "/m") == "cannot be read: No such file."


def test_what_is_run_is_what_was_checked(tmp_path: Path) -> None:
    """A short file is read once; of a long one it is noticed that it has changed since."""
    short = loaded(tmp_path, a="SELECT 1; SELECT 2;").all[0]
    (tmp_path / "a.sql").write_text("SELECT 3;")
    assert [statement.text for statement in short.statements()] == ["SELECT 1", "SELECT 2"]

    ending = f"; SELECT '{'long' * 1_100_000}';"
    migration = loaded(tmp_path, a=f"SELECT 1; SELECT 2{ending}").all[0]
    for text in (f"SELECT 1; SELECT 3{ending}", "SELECT 1;", f"SELECT 1; SELECT 2{ending}SELECT 3;"):
        (tmp_path / "a.sql").write_text(text)
        with pytest.raises(MigrationInvalid, match="changed while"):
            list(migration.statements())


def test_in_a_long_file_an_edit_is_found_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many statements not every checksum is kept: the edited one is named with those beside it."""
    monkeypatch.setattr(checksums, "MOST", 8)
    texts = [f"SELECT {number};\n" for number in range(1, 31)]

    def edited(applied: int, now: list[str]) -> str | None:
        before = loaded(tmp_path, a="".join(texts)).all[0]
        past = Past(before.first(applied), len(texts), complete=applied == len(texts))
        load.cache_clear()
        return edit(loaded(tmp_path, a="".join(now)).all[0], past)

    for applied in (5, 13, 30):
        assert edited(applied, texts) is None
        assert edited(applied, ["SELECT 0;", *texts[1:]]) in (
            "statement 1 was changed after it was applied",
            f"one of statements 1 to {2 if applied == 13 else 4} was changed after it was applied",
        )
        assert edited(applied, texts[: applied - 1]) == f"statement {applied} is applied and is no longer in the file"
    assert edited(13, [*texts[:13], "SELECT 0;"]) is None
    assert edited(13, [*texts[:12], "SELECT 0;", *texts[13:]]) == "statement 13 was changed after it was applied"
    assert edited(30, [*texts, "SELECT 0;"]) == "statement 31 was added after the whole file was applied"


def test_the_tables_that_the_texts_leave(tmp_path: Path) -> None:
    """Made, dropped, renamed: what a start without a snapshot looks for."""
    found = loaded(
        tmp_path,
        a="CREATE TABLE one (x INT); CREATE TABLE `two` (x INT); CREATE TEMPORARY TABLE no (x INT);"
        "CREATE VIEW v AS SELECT 1",
        b="DROP TABLE one; RENAME TABLE two TO three; DROP VIEW IF EXISTS v; CREATE TABLE one (y INT)",
    )
    assert found.tables(HERE) == ("one", "three")


def test_tables_that_get_another_name(tmp_path: Path) -> None:
    """By RENAME TABLE, also in a circle, and by a clause of ALTER TABLE; columns and indexes are no tables."""
    tables = "; ".join(f"CREATE TABLE {name} (x INT, KEY i (x))" for name in ("a", "b", "c", "d", "e"))
    found = loaded(
        tmp_path,
        a=tables,
        b="RENAME TABLE a TO spare, b TO a, spare TO b; ALTER TABLE c ADD y INT, RENAME TO `c 2`;"
        "ALTER TABLE d RENAME COLUMN x TO z, RENAME INDEX i TO j, RENAME KEY j TO k;"
        "ALTER TABLE e ADD FOREIGN KEY (x) REFERENCES d (z), RENAME = f, ADD y INT; ALTER TABLE a RENAME again",
    )
    assert found.tables(HERE) == ("again", "b", "c 2", "d", "f")


def test_tables_of_other_schemas_are_none_of_ours(tmp_path: Path) -> None:
    """Nor is one that goes there, or comes from there and is gone again; the own schema may be named."""
    found = loaded(
        tmp_path,
        a="CREATE TABLE other.a (x INT); CREATE TABLE App.b (x INT); CREATE TABLE c (x INT); CREATE TABLE d (x INT)",
        b="RENAME TABLE c TO other.c, other.e TO e; ALTER TABLE d RENAME TO other.d; DROP TABLE other.b",
    )
    assert found.tables(HERE) == ("b", "e")


@pytest.mark.parametrize(
    ("text", "mysql", "mariadb"),
    [
        ("CREATE TABLE t (x INT)", True, True),
        ("/*! CREATE TABLE t (x INT) */", True, True),
        ("/*M! CREATE TABLE t (x INT) */", False, True),
        ("-- a\n/* b */ /*M! CREATE TABLE t (x INT) */", False, True),
        ("/*!50001 CREATE ALGORITHM=MERGE */ /*!50013 VIEW t AS SELECT 1 */", True, True),
        ("/*!99997 CREATE TABLE t (x INT) */", False, False),
        ("/*!80013 CREATE TABLE t (x INT) */", True, False),
        ("/*!90704 CREATE TABLE t (x INT) */", True, False),
        ("/*!90705 CREATE TABLE t (x INT) */", False, False),
        ("/*!100102 CREATE TABLE t (x INT) */", False, True),
        ("/*M!101118 CREATE TABLE t (x INT) */", False, True),
        ("/*M!101119 CREATE TABLE t (x INT) */", False, False),
        ("/*M!50700 CREATE TABLE t (x INT) */", False, True),
    ],
)
def test_a_table_in_an_executable_comment_is_made_where_the_server_runs_it(
    tmp_path: Path, text: str, mysql: bool, mariadb: bool
) -> None:
    """By flavour and version; and not dropped where it does not."""
    found = loaded(tmp_path, a=text)
    assert found.tables(HERE) == ("t",) * mysql
    assert found.tables(MARIADB) == ("t",) * mariadb
    kept = loaded(tmp_path, a="CREATE TABLE t (x INT); /*!99997 DROP TABLE t */")
    assert kept.tables(HERE) == ("t",)


def test_an_excerpt_is_one_short_line() -> None:
    """For messages."""
    assert excerpt(Statement(b"ALTER\n  TABLE\tx", 1, 1)) == "ALTER TABLE x"
    assert len(excerpt(Statement(b"x " * 9000, 1, 1))) == 300
