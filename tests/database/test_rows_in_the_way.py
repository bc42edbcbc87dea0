"""Adopting a database whose rows may stand against what is added: that is told before anything is changed."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pymysql
import pytest

from tests.database.place import Place
from tests.database.shipped import session
from tests.databases import Database

LAST = "CREATE TABLE c (id INT);"


@pytest.mark.parametrize(
    ("missing", "row"),
    [
        ("ADD UNIQUE KEY u (x)", "(1, 5, NULL), (2, 5, NULL)"),
        ("ADD CONSTRAINT positive CHECK (x > 0)", "(1, -1, NULL)"),
        ("ADD CONSTRAINT fk FOREIGN KEY (p) REFERENCES p (id)", "(1, 1, 77)"),
        ("ADD COLUMN d DATE NOT NULL", "(1, 1, NULL)"),
        ("ADD COLUMN y INT NOT NULL DEFAULT 3 COMMENT 'three', ADD CONSTRAINT less CHECK (y < x)", "(1, 1, NULL)"),
        ("ADD COLUMN y INT AS (x * 2) STORED, ADD UNIQUE KEY u (y)", "(1, 5, NULL), (2, 5, NULL)"),
        ("ADD COLUMN y TINYINT AS (x * 2) STORED", "(1, 100, NULL)"),
        ("ADD COLUMN y VARCHAR(2) AS (CONCAT('n', x)) STORED", "(1, 100, NULL)"),
        ("ADD COLUMN y DECIMAL(4,2) AS (x * 2) STORED", "(1, 50, NULL)"),
        ("ADD COLUMN y DECIMAL(2) UNSIGNED AS (x * 2) STORED", "(1, -50, NULL)"),
        ("ADD COLUMN y DATE AS (CONCAT('2024-', x, '-01')) STORED", "(1, 13, NULL)"),
        ("ADD COLUMN y VARBINARY(2) AS (CONCAT('n', x)) STORED", "(1, 100, NULL)"),
        ("ADD COLUMN y TINYINT AS (x * 100) VIRTUAL, ADD KEY k (y)", "(1, 2, NULL)"),
        ("ADD COLUMN y INT AS (CAST(CONCAT('a', x) AS SIGNED)) STORED", "(1, 2, NULL)"),
        ("ADD COLUMN y INT AS (JSON_EXTRACT(CONCAT('{', x), '$.a')) STORED", "(1, 2, NULL)"),
        ("ADD COLUMN q INT DEFAULT 4, ADD CONSTRAINT fk FOREIGN KEY (q) REFERENCES p (id)", "(1, 1, NULL)"),
        ("ADD COLUMN y VARCHAR(2) NOT NULL DEFAULT (CONCAT('n', x))", "(1, 100, NULL)"),
        ("ADD COLUMN y TINYINT DEFAULT (x * 100)", "(1, 2, NULL)"),
        ("ADD COLUMN y INT NOT NULL DEFAULT (p + 1)", "(1, 2, NULL)"),
        ("ADD COLUMN y ENUM('1', '2') DEFAULT (CONCAT(x))", "(1, 7, NULL)"),
        ("ADD COLUMN y INT DEFAULT (10 / x)", "(1, 0, NULL)"),
        ("ADD COLUMN y TINYINT DEFAULT (x)", "(1, 500, NULL)"),
        ("ADD COLUMN y INT NOT NULL DEFAULT (p)", "(1, 2, NULL)"),
        ("ADD COLUMN y INT DEFAULT (x * 2), ADD COLUMN z TINYINT DEFAULT (y * 2)", "(1, 50, NULL)"),
        (
            "ADD COLUMN y VARCHAR(9) CHARACTER SET latin1 DEFAULT (CONCAT('€', CHAR(x USING utf8mb4), 'ő'))",
            "(1, 65, NULL)",
        ),
        ("ADD COLUMN y BIT(3) DEFAULT (x)", "(1, 8, NULL)"),
        ("ADD COLUMN y YEAR AS (x) STORED", "(1, 1800, NULL)"),
    ],
)
def test_rows_that_would_refuse_an_addition_are_found_before_anything_is_added(
    place: Place, missing: str, row: str
) -> None:
    """The table that could be added is not added either."""
    base = ("CREATE TABLE p (id INT PRIMARY KEY)", "CREATE TABLE a (id INT PRIMARY KEY, x INT, p INT)")
    place.write(a=";\n".join(base) + ";", b=f"CREATE TABLE b (id INT PRIMARY KEY); ALTER TABLE a {missing};", c=LAST)
    place.build(*base, "CREATE TABLE c (id INT)", f"INSERT INTO a VALUES {row}")
    said = place.refused()
    assert "rows are in the way" in said["message"]
    assert any("refused" in each["loses"] for each in said["ddl"])


@pytest.mark.parametrize(
    "missing",
    [
        "ADD COLUMN y INT AS (x * 2) STORED, ADD UNIQUE KEY u (y)",
        "ADD COLUMN y DECIMAL(3,2) UNSIGNED AS (x + 0.994) STORED, ADD COLUMN z DECIMAL AS (x) STORED",
        "ADD COLUMN y DATE AS (CONCAT('2024-', x, '-01')) STORED, ADD COLUMN z VARBINARY(2) AS (CONCAT('n', x)) STORED",
        "ADD COLUMN y INT AS (x) STORED, ADD COLUMN z INT AS (y + 1) STORED, ADD CONSTRAINT more CHECK (z > x)",
        "ADD COLUMN y INT NOT NULL DEFAULT -1, ADD UNIQUE KEY u (y, id), ADD CONSTRAINT less CHECK (y < x)",
        "ADD COLUMN q INT DEFAULT 4, ADD CONSTRAINT fk FOREIGN KEY (q) REFERENCES p (id)",
        "ADD COLUMN y VARCHAR(4) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin AS (w) STORED, ADD UNIQUE KEY u (y)",
    ],
)
def test_rows_that_fit_what_is_new_refuse_nothing(place: Place, missing: str) -> None:
    """What a new column holds in them is foreseen: its default, or what it is computed by."""
    base = (
        "CREATE TABLE p (id INT PRIMARY KEY)",
        "CREATE TABLE a (id INT PRIMARY KEY, x INT, w VARCHAR(4) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci)",
    )
    place.write(a=";\n".join(base) + ";", b=f"CREATE TABLE b (id INT PRIMARY KEY); ALTER TABLE a {missing};", c=LAST)
    place.build(*base, "CREATE TABLE c (id INT)", "INSERT INTO p VALUES (4)")
    place.build("INSERT INTO a VALUES (1, 5, 'a'), (2, 6, 'A')")
    assert place.run().said("adoption.planned")
    assert place.database.rows("SELECT id, x, w FROM a") == ((1, 5, "a"), (2, 6, "A"))


@pytest.mark.parametrize("missing", ["ADD CONSTRAINT k CHECK (id > 0)", "ADD n INT AS (id + 1) STORED"])
def test_dates_with_zeros_are_found_before_anything_is_added(place: Place, missing: str) -> None:
    """A table is copied for what is added, and strict mode does not take them; the statements given do."""
    base = "CREATE TABLE a (id INT PRIMARY KEY, d DATETIME)"
    place.write(a=f"{base};", b="CREATE TABLE b (id INT);", c=f"ALTER TABLE a {missing};", d="CREATE TABLE d (id INT);")
    place.build(base, "CREATE TABLE d (id INT)", "SET sql_mode = ''")
    place.database.run("SET SESSION sql_mode = ''", "INSERT INTO a VALUES (1, '0000-00-00'), (2, '2024-02-00')")
    said = place.refused()
    assert "dates with zeros in them" in said["message"]
    place.database.run("SET SESSION sql_mode = 'STRICT_ALL_TABLES'", *(each["sql"] for each in said["ddl"]))
    place.run()


BEHIND = "CREATE TABLE seed (id INT PRIMARY KEY); INSERT INTO seed VALUES (1);"

STRICT = "SET FOREIGN_KEY_CHECKS = 0; CREATE TABLE seed (id INT PRIMARY KEY);"


@pytest.mark.parametrize("other", [BEHIND, STRICT], ids=["run whole", "sets what is taken"])
def test_rows_of_one_table_are_looked_at_whatever_is_done_to_another(place: Place, other: str) -> None:
    """A computed column that has no place for them is found before the other table is made."""
    base = "CREATE TABLE a (id INT PRIMARY KEY, s VARCHAR(20))"
    place.write(a=f"{base};", b=other, c="ALTER TABLE a ADD n INT AS (s) STORED; ALTER TABLE a ADD z INT;")
    place.run("snapshot")
    place.build(base, "ALTER TABLE a ADD z INT", "INSERT INTO a VALUES (1, 'no number', 1)")
    assert "table a, column n" in place.refused()["message"]
    place.build("UPDATE a SET s = '7'")
    place.run()
    assert place.database.rows("SELECT n FROM a") == ((7,),)


@pytest.mark.parametrize(
    ("column", "clause", "refused"),
    [
        ("k ENUM('x', 'y') NOT NULL", "UNIQUE KEY u (k)", True),
        ("k SET('x', 'y') NOT NULL", "CONSTRAINT u CHECK (k <> '')", True),
        ("k YEAR NOT NULL", "CONSTRAINT u CHECK (k > 0)", True),
        ("k BINARY(2) NOT NULL", "CONSTRAINT u CHECK (k <> '')", False),
        ("k BIT(3) NOT NULL", "UNIQUE KEY u (k, id)", False),
        ("k TIME NOT NULL", "UNIQUE KEY u (k)", True),
        ("k INT UNSIGNED NOT NULL", "KEY u (k)", False),
        ("k TIMESTAMP NOT NULL", "KEY u (k)", False),
        ("k JSON NOT NULL", "KEY u (id)", False),
    ],
)
def test_what_a_column_without_a_default_gets_is_foreseen(
    place: Place, column: str, clause: str, refused: bool
) -> None:
    """Each type has its own nothing."""
    base, last = "CREATE TABLE a (id INT PRIMARY KEY)", "CREATE TABLE z (id INT PRIMARY KEY)"
    place.write(a=f"{base};", b=f"CREATE TABLE b (id INT); ALTER TABLE a ADD {column}, ADD {clause};", c=f"{last};")
    place.run("snapshot")
    place.build(base, last, "INSERT INTO a VALUES (1), (2)")
    if refused:
        assert "rows are in the way" in place.refused()["message"]
    else:
        place.run()
        assert place.run("diff", "live", "snapshot").code == 0


@pytest.mark.parametrize(
    "filled",
    [
        "ALTER TABLE a ADD c INT NOT NULL; UPDATE a SET c = id; ALTER TABLE a ADD UNIQUE KEY u (c);",
        "ALTER TABLE a ADD c INT NOT NULL DEFAULT 0; UPDATE a SET c = id; ALTER TABLE a ADD CHECK (c > 0);",
        "ALTER TABLE a ADD c DATE; UPDATE a SET c = '2024-02-03'; ALTER TABLE a MODIFY c DATE NOT NULL;",
    ],
    ids=["unique", "check", "not null"],
)
def test_a_file_of_which_nothing_is_there_fills_what_it_asks_for_then(place: Place, filled: str) -> None:
    """Rows that would refuse it now are as it makes them when it comes to that."""
    base, last = "CREATE TABLE a (id INT PRIMARY KEY)", "CREATE TABLE z (id INT PRIMARY KEY)"
    place.write(a=f"{base};", b=filled, c=f"{last};")
    place.run("snapshot")
    place.build(base, last, "INSERT INTO a VALUES (1), (2)")
    place.run()
    assert place.run("diff", "live", "snapshot").code == 0
    assert place.database.rows("SELECT COUNT(*) FROM a WHERE c IS NOT NULL AND c <> 0") == ((2,),)


TYPES = (
    "TINYINT", "INT UNSIGNED", "DECIMAL(5,2)", "FLOAT", "BIT(3)", "DATE", "TIME(3)", "DATETIME", "CHAR(3)", "POINT",
    "VARBINARY(4)", "VARCHAR(9)", "ENUM('x','y')", "SET('x','y')", "CHAR(3) CHARACTER SET latin1",
)  # fmt: skip
# What each of them really is decides on one of the clauses.
DEFAULTS = (
    "BINARY(3) NOT NULL DEFAULT 'a'", "FLOAT NOT NULL DEFAULT 0.1", "TIMESTAMP NOT NULL DEFAULT '2020-01-01 00:00:00'",
    "VARCHAR(3) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT 'a'", "DATE DEFAULT '2020-01-01'",
    "ENUM('b','A') NOT NULL DEFAULT 'a'", "YEAR NOT NULL DEFAULT 99", "INT UNSIGNED NOT NULL DEFAULT 1",
    "BIT(3) NOT NULL DEFAULT b'101'", "DECIMAL(4,1) NOT NULL DEFAULT 1.26", "TIME DEFAULT '10:00:00'",
    "INT DEFAULT (v * 2)", "DECIMAL(4,1) DEFAULT (v / 3)", "INT DEFAULT 7",
    "VARCHAR(3) CHARACTER SET utf8mb3 DEFAULT 'a'",
)  # fmt: skip
CLAUSES = (
    "UNIQUE KEY u (k)", "CONSTRAINT {} CHECK (LENGTH(k) > 1)", "CONSTRAINT {} CHECK (k <> 0)",
    "CONSTRAINT {} CHECK (k = 'A')", "CONSTRAINT {} CHECK (k = 0.1)", "CONSTRAINT {} CHECK (k > 20190101)",
    "CONSTRAINT {} CHECK (k - 2 < 0)", "COLUMN g INT AS (k + 1) STORED", "COLUMN g VARCHAR(4) AS (k) STORED",
    "COLUMN g INT AS (LENGTH(k)) STORED NOT NULL", "COLUMN g DECIMAL(5,1) AS (k / 3) STORED, ADD UNIQUE KEY u (g)",
)  # fmt: skip


@pytest.mark.parametrize("column", [*(f"{each} NOT NULL" for each in TYPES), *DEFAULTS])
def test_what_a_new_column_holds_is_told_as_the_server_fills_it(place: Place, column: str) -> None:
    """With all that asks for its value: refused is what the server refuses, and nothing else."""
    base = "CREATE TABLE {} (id INT PRIMARY KEY, v INT)"
    adding = {f"a{at}": f"ADD k {column}, ADD {clause.format(f'c{at}')}" for at, clause in enumerate(CLAUSES)}
    place.build(*map(base.format, adding))
    impossible = _refused(place.database, adding)
    place.build(f"DROP TABLE {', '.join(adding)}")
    adding = {name: text for name, text in adding.items() if name not in impossible}
    place.write(
        a="".join(f"{base.format(name)};\n" for name in adding),
        b="CREATE TABLE b (id INT);" + "".join(f"ALTER TABLE {name} {text};\n" for name, text in adding.items()),
        c=LAST,
    )
    place.build(*map(base.format, adding), LAST.rstrip(";"))
    place.build(*(f"INSERT INTO {name} VALUES (1, 5), (2, 6)" for name in adding))
    told = place.refused()["message"].partition("Nothing was changed")[0]
    assert {*re.findall(r"table (a\d+), [^:;]+: ", told)} == _refused(place.database, adding)


FUNCTIONS = (
    "g DATE AS (d + INTERVAL 14 DAY) STORED", "g DATETIME DEFAULT (DATE_ADD(d, INTERVAL v MONTH))",
    "g DATE AS (d + INTERVAL 14 DAY) VIRTUAL, ADD KEY k (g)", "g DOUBLE AS (LOG(v)) STORED",
    "g DOUBLE AS (SQRT(v)) STORED", "g BIGINT UNSIGNED AS (CAST(m AS UNSIGNED)) STORED",
    "g VARBINARY(99) AS (FROM_BASE64(s)) STORED", "g LONGTEXT AS (REPEAT(s, v * 100000000)) STORED",
    "g INT AS (s REGEXP t) STORED", "g DECIMAL(5,1) AS (COALESCE(s, 0)) STORED", "g INT AS (COALESCE(s, 0)) STORED",
    "g YEAR AS (YEAR(d)) STORED", "g INT AS (YEAR(d)) STORED", "g DECIMAL(3,1) AS (m) STORED",
    "g DATE AS (STR_TO_DATE(s, '%Y-%m-%d')) STORED", "g VARCHAR(30) AS (JSON_EXTRACT(t, '$.a')) STORED",
    "g DATE AS (LAST_DAY(d)) STORED, ADD CHECK (d + INTERVAL 20 YEAR > '1900-01-01')",
)  # fmt: skip
INDEXED = ("YEAR(d)", "YEAR(d) + 1", "LOG(v)", "DATE_ADD(d, INTERVAL v YEAR)", "CAST(m AS UNSIGNED)", "LEFT(s, 4)")


@pytest.mark.parametrize(
    "row",
    [
        "'9999-12-31', 1, 1.5, 'abc', '['",
        "'1900-01-01', -1, -99.5, 'deprecated', '{}'",
        "'2024-02-29', 3, 7.25, '7', '[1]'",
    ],
    ids=["the last day", "less than nothing", "a usual row"],
)
def test_what_functions_make_of_rows_is_told_as_the_server_works_it_out(place: Place, row: str) -> None:
    """Whatever error they have for what they cannot; and what they can is added."""
    base = "CREATE TABLE {} (id INT PRIMARY KEY, d DATE, v INT, m DECIMAL(6,2), s VARCHAR(10), t VARCHAR(9))"
    texts = [*FUNCTIONS, *(f"INDEX g (({each}))" for each in INDEXED if place.database.server.flavour == "mysql")]
    adding = {f"a{at}": f"ADD {text}" for at, text in enumerate(texts)}
    tables = [base.format(name) for name in adding]
    place.write(
        a=";\n".join(tables) + ";",
        b="CREATE TABLE b (id INT);" + "".join(f"ALTER TABLE {name} {text};\n" for name, text in adding.items()),
        c=LAST,
    )
    place.build(*tables, LAST.rstrip(";"), *(f"INSERT INTO {name} VALUES (1, {row})" for name in adding))
    told = place.refused()["message"].partition("Nothing was changed")[0]
    assert {*re.findall(r"table (a\d+), [^:;]+: ", told)} == _refused(place.database, adding)


def _refused(database: Database, adding: Mapping[str, str]) -> set[str]:
    """The tables to which this cannot be added, as the server says."""
    connection, refused = session(database), set[str]()
    with connection.cursor() as cursor:
        for name, text in adding.items():
            try:
                cursor.execute(f"ALTER TABLE {name} {text}")
            except pymysql.err.MySQLError:
                refused.add(name)
    connection.close()
    return refused


UNTOLD = {
    "mysql": ["ADD KEY k ((CAST(j->'$.a' AS UNSIGNED ARRAY)))"],
    "mariadb": ["ADD y INET6 AS (s) STORED", "ADD UNIQUE (x, e WITHOUT OVERLAPS)"],
}


def test_what_cannot_be_told_of_rows_is_refused_beforehand(place: Place) -> None:
    """With the statement that adds it, which is tried by hand then; where there are no rows, it is added."""
    flavour = place.database.server.flavour
    period = ", PERIOD FOR e (p, q)" if flavour == "mariadb" else ""
    columns = f"id INT PRIMARY KEY, x INT, s VARCHAR(20), j JSON, p DATE NOT NULL, q DATE NOT NULL{period}"
    missing = ["ADD y SET('a', 'b') DEFAULT (s)", "ADD y POINT AS (POINT(x, x)) STORED", *UNTOLD[flavour]]
    bases = [f"CREATE TABLE a{at} ({columns})" for at in range(len(missing))]
    place.write(
        a=";\n".join(bases) + ";",
        b="CREATE TABLE b (id INT);" + "".join(f"ALTER TABLE a{at} {text};\n" for at, text in enumerate(missing)),
        c=LAST,
    )
    rows = "(1, 1, 'a', '[]', '2024-01-01', '2024-02-01'), (2, 2, 'b', '{}', '2024-01-01', '2024-02-01')"
    place.build(*bases, LAST.rstrip(";"), *(f"INSERT INTO a{at} VALUES {rows}" for at in range(len(missing))))
    said = place.refused()
    assert said["message"].count("cannot be told beforehand") == len(missing)
    told = [each["sql"] for each in said["ddl"] if each["loses"].startswith("nothing, but rows may refuse it")]
    assert len(told) == len(missing)
    place.database.run(*(f"DELETE FROM a{at}" for at in range(len(missing))))
    place.run()


def test_numbers_of_rows_that_are_too_many_are_found_before_anything_is_added(place: Place) -> None:
    """A column that counts has to have room for them."""
    base = "CREATE TABLE a (x INT)"
    place.write(
        a=f"{base};", b="CREATE TABLE b (id INT); ALTER TABLE a ADD id TINYINT AUTO_INCREMENT PRIMARY KEY;", c=LAST
    )
    place.build(base, LAST.rstrip(";"), f"INSERT INTO a VALUES {', '.join(['(1)'] * 128)}")
    assert "table a, column id" in place.refused()["message"]
    place.database.run("DELETE FROM a LIMIT 2")
    place.run()


def test_a_key_over_values_in_another_order_is_held_against_their_numbers(place: Place) -> None:
    """As InnoDB does: the same word with another number is not there."""
    base = "CREATE TABLE p (k ENUM('a', 'b') PRIMARY KEY)", "CREATE TABLE a (id INT PRIMARY KEY, k ENUM('b', 'a'))"
    key = "ALTER TABLE a ADD CONSTRAINT f FOREIGN KEY (k) REFERENCES p (k)"
    place.write(a=f"{base[0]}; {base[1]};", b=f"CREATE TABLE b (id INT); {key};", c=LAST)
    place.build(*base, LAST.rstrip(";"), "INSERT INTO p VALUES ('a')", "INSERT INTO a VALUES (1, 'a')")
    assert "table a, foreign key f" in place.refused()["message"]
    place.database.run("UPDATE a SET k = 'b'")
    place.run()
