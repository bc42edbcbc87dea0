"""What docs/DATABASE_MIGRATIONS.md and migrations/README.md say, tried on every server."""

from __future__ import annotations

import re
from pathlib import Path

import pymysql
import pytest

from schemagate.files import is_repeatable
from tests.database.shipped import MIGRATIONS, ROOT, apply, files, fill, insert, read, session
from tests.databases import Database

GUIDE = ROOT / "docs/DATABASE_MIGRATIONS.md"


def examples(page: Path) -> list[str]:
    """The blocks of SQL in a page."""
    blocks = re.findall(r"^( *)```sql\n(.*?)^\1```$", page.read_text(), re.DOTALL | re.MULTILINE)
    return [re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, block in blocks]


def filled(database: Database) -> None:
    """The schema at the end, with rows from all times."""
    connection = session(database)
    apply(connection, *files()[:4])
    fill(database)
    apply(connection, *files()[4:])
    for number, url in ((101, "https://example.org/pull/7"), (102, "https://example.org/pull/7"), (103, None)):
        insert(database, "workflows", id=number, workflow_type="feature", pr_url=url)


def refused_with(database: Database, first_line: str) -> int | None:
    """The number that "-- refused: MySQL 1064, MariaDB 1064" promises for this server."""
    errors = dict(re.findall(r"(mysql|mariadb) (\d+)", first_line.lower()))
    return int(errors[database.server.flavour]) if database.server.flavour in errors else None


def test_the_examples_run_one_after_the_other(database: Database) -> None:
    """As migrations that follow the shipped ones, on tables with rows; what is called refused is refused so."""
    filled(database)
    names: list[str] = []
    again: list[str] = []
    with session(database).cursor() as cursor:
        for example in examples(GUIDE):
            first = example.partition("\n")[0]
            if first.startswith("-- refused:"):
                if errno := refused_with(database, first):
                    with pytest.raises(pymysql.MySQLError) as refused:
                        cursor.execute(example)
                    assert refused.value.args[0] == errno, example
                continue
            name = re.fullmatch(r"-- ((?:\d{8}|R)_\w+\.sql)", first)
            assert name, first
            (again if is_repeatable(name[1]) else names).append(name[1])
            for _ in range(2 if is_repeatable(name[1]) else 1):
                for statement in read(example, name[1]):
                    cursor.execute(statement.text)
    assert len(names) > 10
    assert again == ["R_active_modules.sql"]
    assert names == sorted(set(names))
    assert database.value("SELECT COUNT(*) FROM workflows WHERE priority = 'high'") == 4
    assert database.rows("SELECT id FROM workflows WHERE pr_number = 7") == ((102,),)


# What the guide says of errors: (what stands in the guide, a statement, its error on MySQL, on MariaDB 10.11 and 11.8).
CLAIMS = (
    ("ADD COLUMN IF NOT EXISTS", "ALTER TABLE a ADD COLUMN IF NOT EXISTS x INT", 1064, None, None),
    ("DROP COLUMN IF EXISTS", "ALTER TABLE a DROP COLUMN IF EXISTS x", 1064, None, None),
    ("DROP INDEX IF EXISTS", "DROP INDEX IF EXISTS i ON a", 1064, None, None),
    ("CREATE OR REPLACE TABLE", "CREATE OR REPLACE TABLE b (id INT)", 1064, None, None),
    (
        "CREATE OR REPLACE TRIGGER",
        "CREATE OR REPLACE TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET NEW.n = 1",
        *(1064, None, None),
    ),
    ("ADD COLUMN … DEFAULT (UUID())", "ALTER TABLE a ADD COLUMN u CHAR(36) DEFAULT (UUID())", 1674, None, None),
    ("TEXT DEFAULT ''", "ALTER TABLE a ADD COLUMN y TEXT DEFAULT ''", 1101, None, None),
    ("TEXT DEFAULT ('')", "ALTER TABLE a ADD COLUMN z TEXT DEFAULT ('')", None, None, None),
    ("CREATE SEQUENCE", "CREATE SEQUENCE s", 1064, None, None),
    ("INSERT … RETURNING", "INSERT INTO a (id, e) VALUES (9, 'one') RETURNING id", 1064, None, None),
    ("COLLATE utf8mb4_uca1400_ai_ci", "CREATE TABLE c (t TEXT COLLATE utf8mb4_uca1400_ai_ci)", 1273, None, None),
    ("COLLATE utf8mb4_0900_ai_ci", "CREATE TABLE d (t TEXT COLLATE utf8mb4_0900_ai_ci)", None, 1273, None),
    ("INDEX ((LOWER(c)))", "ALTER TABLE a ADD INDEX ((LOWER(e)))", None, 1064, 1064),
    ("payload->'$.a'", "SELECT j->'$.a' FROM a", None, 1064, 1064),
    ("payload->>'$.a'", "SELECT j->>'$.a' FROM a", None, 1064, 1064),
    ("JSON_EXTRACT(payload, '$.a')", "SELECT JSON_UNQUOTE(JSON_EXTRACT(j, '$.a')) FROM a", None, None, None),
    ("DROP CHECK name", "ALTER TABLE a DROP CHECK chk_a", None, 1064, 1064),
    ("DROP CONSTRAINT name", "ALTER TABLE a DROP CONSTRAINT chk_b", None, None, None),
    ("WITH … UPDATE", "WITH w AS (SELECT 1 AS id) UPDATE a JOIN w ON w.id = a.id SET n = 1", None, 1064, 1064),
    ("WITH … DELETE", "WITH w AS (SELECT 7 AS id) DELETE FROM a WHERE id IN (SELECT id FROM w)", None, 1064, 1064),
    (
        "AS new ON DUPLICATE KEY UPDATE",
        "INSERT INTO a (id, n, e) VALUES (1, 2, 'one') AS new ON DUPLICATE KEY UPDATE n = new.n",
        *(None, 1064, 1064),
    ),
    (
        "VALUES(c)",
        "INSERT INTO a (id, n, e) VALUES (1, 1, 'one') ON DUPLICATE KEY UPDATE n = VALUES(n)",
        None,
        None,
        None,
    ),
    ("ALTER INDEX i INVISIBLE", "ALTER TABLE a ALTER INDEX k INVISIBLE", None, 1064, 1064),
    ("ALTER INDEX i IGNORED", "ALTER TABLE a ALTER INDEX k IGNORED", 1064, None, None),
    ("| 1062 |", "ALTER TABLE a ADD UNIQUE INDEX (same)", 1062, 1062, 1062),
    ("| 1138 on MySQL, 1265 on MariaDB |", "ALTER TABLE a MODIFY nothing INT NOT NULL", 1138, 1265, 1265),
    ("| 1265 |", "ALTER TABLE a MODIFY e ENUM('two') NOT NULL", 1265, 1265, 1265),
    ("| 1452 |", "ALTER TABLE a ADD FOREIGN KEY (same) REFERENCES a (id)", 1452, 1452, 1452),
    ("| 3819 on MySQL, 4025 on MariaDB |", "ALTER TABLE a ADD CHECK (same < 5)", 3819, 4025, 4025),
    ("add a nullable column", "ALTER TABLE a ADD COLUMN p INT NULL AFTER id, ALGORITHM = INSTANT", None, None, None),
    ("one with a default", "ALTER TABLE a ADD COLUMN q INT NOT NULL DEFAULT 5, ALGORITHM = INSTANT", None, None, None),
    (
        "add an enum value at the end",
        "ALTER TABLE a MODIFY e ENUM('one', 'two', 'three') NOT NULL, ALGORITHM = INSTANT",
        *(None, None, None),
    ),
    ("rename a column", "ALTER TABLE a RENAME COLUMN p TO pp, ALGORITHM = INSTANT", None, None, None),
    ("add an index", "ALTER TABLE a ADD INDEX (q), ALGORITHM = INPLACE, LOCK = NONE", None, None, None),
    ("change a type", "ALTER TABLE a MODIFY n BIGINT, ALGORITHM = INPLACE", 1846, 1846, 1846),
    (
        "an enum value in the middle",
        "ALTER TABLE a MODIFY e ENUM('one', 'half', 'two', 'three') NOT NULL, ALGORITHM = INPLACE",
        *(1846, 1846, 1846),
    ),
    (
        "a `STORED` generated column",
        "ALTER TABLE a ADD COLUMN g INT AS (n + 1) STORED, ALGORITHM = INPLACE",
        *(1845, 1845, 1845),
    ),
    (
        "or a foreign key",
        "ALTER TABLE a ADD CONSTRAINT fk_a FOREIGN KEY (nothing) REFERENCES a (id), ALGORITHM = INPLACE",
        *(1846, 1846, 1846),
    ),
)


def test_servers_refuse_what_the_guide_says_they_refuse(database: Database) -> None:
    """And nothing else of what it names."""
    cursor = session(database).cursor()
    cursor.execute(
        "CREATE TABLE a (id INT PRIMARY KEY, n INT, same INT NOT NULL DEFAULT 5, nothing INT NULL,"
        " e ENUM('one', 'two') NOT NULL, j JSON, INDEX k (n),"
        " CONSTRAINT chk_a CHECK (id > 0), CONSTRAINT chk_b CHECK (id > 0))"
    )
    cursor.execute("INSERT INTO a (id, e) VALUES (1, 'one'), (2, 'one')")
    if database.server.flavour == "mysql":
        cursor.execute("ALTER TABLE a ADD COLUMN x INT, ADD INDEX i (id)")  # what MariaDB gets from the first claims
    which = 0 if database.server.flavour == "mysql" else 1 if database.server.version < (11,) else 2
    wrong = []
    for text, statement, *errors in CLAIMS:
        assert text in GUIDE.read_text()
        found = None
        try:
            cursor.execute(statement)
        except pymysql.MySQLError as error:
            found = error.args[0]
        if found != errors[which]:
            wrong.append(f"{statement}: {found}, not {errors[which]}")
    assert not wrong


def test_the_short_version_shows_the_first_example_of_the_guide() -> None:
    """Whoever goes on from the one to the other finds the same."""
    assert examples(MIGRATIONS / "README.md") == examples(GUIDE)[:1]


def test_the_links_within_the_pages_lead_somewhere() -> None:
    """Headings get renamed."""
    for page in (GUIDE, MIGRATIONS / "README.md"):
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
            path, _, anchor = target.partition("#")
            if anchor and not path.startswith("http"):
                linked = (page.parent / path).read_text() if path else page.read_text()
                headings = re.findall(r"^#+ (.*)$", linked, re.MULTILINE)
                assert anchor in {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}, target
