"""Equal is equal and different is different, on real servers: the promise that everything else stands on."""

from __future__ import annotations

import pymysql

from schemagate.listing import without_counter
from schemagate.schema import CHARSETS, Schema, compare, made, parse_charsets
from tests.database.random_tables import RandomTable
from tests.database.schemas import load, read, session, told
from tests.databases import Database, quoted

TABLES = 150
STEPS = 60


def made_by_chance(database: Database, seeds: range) -> int:
    """Random tables in the schema, as far as the server takes their statements; answers how many statements it took."""
    taken = 0
    database.run("CREATE TABLE parent (id INT PRIMARY KEY)")
    for seed in seeds:
        for statement in RandomTable(seed, database.server.flavour, f"t{seed}").statements():
            try:
                database.run(statement)
            except pymysql.MySQLError:
                continue
            taken += 1
    return taken


def test_a_table_made_by_random_alters_equals_the_one_made_anew_from_its_text(database: Database) -> None:
    """In another schema, with another default character set and collation."""
    assert made_by_chance(database, range(TABLES)) > 3.3 * TABLES
    found = read(database)
    assert len(found.objects) > 0.75 * TABLES

    other = database.another()
    database.run(f"ALTER DATABASE {quoted(other)} COLLATE latin1_bin")
    load(database, other, found, shadow=True)

    differences = compare(found, read(database, other))
    assert not differences, told(differences)


def test_whenever_an_alter_changes_the_text_of_a_table_its_clauses_differ(database: Database) -> None:
    """No two tables are taken for equal that the server itself writes differently."""
    database.run("CREATE TABLE parent (id INT PRIMARY KEY)")
    changes = 0
    with session(database) as connection:
        charsets = parse_charsets(connection.execute(CHARSETS))
        for seed in range(10_000, 10_000 + STEPS):
            name, before = f"t{seed}", ""
            for statement in RandomTable(seed, database.server.flavour, name).statements():
                try:
                    database.run(statement)
                except pymysql.MySQLError:
                    continue
                after = without_counter(connection.execute(f"SHOW CREATE TABLE {name}").rows[0][1])
                if before and before != after:
                    changes += 1
                    pair = [
                        Schema({("table", name): made("table", name, text, {}, charsets, "")})
                        for text in (before, after)
                    ]
                    assert compare(*pair), f"{statement} changes nothing?\n{before}\n{after}"
                before = after
    assert changes > STEPS


BASE = (
    "CREATE TABLE {t} (id int NOT NULL, title varchar(20) NOT NULL DEFAULT 'a', n int DEFAULT 1, note text,"
    " at timestamp NULL DEFAULT NULL, plus int AS (id + 1) VIRTUAL, sort enum('a','b') DEFAULT 'a',"
    " price decimal(10,2), flag tinyint(1), raw varbinary(4) DEFAULT X'00FF',"
    " PRIMARY KEY (id), KEY k (title), UNIQUE KEY u (n, id),"
    " CONSTRAINT c_{t} CHECK (n > 0), CONSTRAINT f_{t} FOREIGN KEY (n) REFERENCES parent (id) ON DELETE CASCADE)"
    " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci COMMENT='AUTO_INCREMENT=5'"
)
ROWS = (
    "CREATE TABLE {t} (id int NOT NULL, a int NOT NULL, b int NOT NULL, UNIQUE KEY first (a, id),"
    " UNIQUE KEY second (b, id)) PARTITION BY RANGE (id)"
    " (PARTITION low VALUES LESS THAN (10), PARTITION high VALUES LESS THAN (20))"
)
# What is done to the table, and the clauses that then differ: all of them, and no other.
BOTH = [
    ("MODIFY title varchar(21) NOT NULL DEFAULT 'a'", "column title"),
    ("MODIFY title varchar(20) NULL DEFAULT 'a'", "column title"),
    ("MODIFY title varchar(20) NOT NULL DEFAULT 'A'", "column title"),
    ("ALTER title DROP DEFAULT", "column title"),
    ("MODIFY title varchar(20) COLLATE utf8mb4_bin NOT NULL DEFAULT 'a'", "column title"),
    ("MODIFY title varchar(20) CHARACTER SET latin1 NOT NULL DEFAULT 'a'", "column title"),
    ("MODIFY title varchar(20) NOT NULL DEFAULT 'a' COMMENT 'x'", "column title"),
    ("MODIFY title char(20) NOT NULL DEFAULT 'a'", "column title"),
    ("MODIFY note text COLLATE utf8mb4_general_ci", "column note"),
    ("MODIFY note mediumtext", "column note"),
    ("MODIFY note text NOT NULL", "column note"),
    ("MODIFY at timestamp(3) NULL DEFAULT NULL", "column at"),
    ("MODIFY at datetime NULL DEFAULT NULL", "column at"),
    ("MODIFY at timestamp NULL DEFAULT CURRENT_TIMESTAMP", "column at"),
    ("MODIFY at timestamp NULL DEFAULT NULL ON UPDATE CURRENT_TIMESTAMP", "column at"),
    ("MODIFY plus int AS (id + 2) VIRTUAL", "column plus"),
    ("MODIFY plus int AS (id + 1) VIRTUAL COMMENT 'one more'", "column plus"),
    ("DROP plus, ADD plus int AS (id + 1) STORED AFTER at", "column plus"),
    ("MODIFY sort enum('b','a') DEFAULT 'a'", "column sort"),
    ("MODIFY sort enum('a','b','c') DEFAULT 'a'", "column sort"),
    ("MODIFY sort enum('a','B') DEFAULT 'a'", "column sort"),
    ("MODIFY sort set('a','b') DEFAULT 'a'", "column sort"),
    ("MODIFY price decimal(10,3)", "column price"),
    ("MODIFY price double", "column price"),
    ("MODIFY price decimal(10,2) unsigned", "column price"),
    ("MODIFY flag tinyint", "column flag"),
    ("MODIFY flag int(3) zerofill", "column flag"),
    ("MODIFY flag smallint", "column flag"),
    ("MODIFY flag tinyint(1) INVISIBLE", "column flag"),
    ("MODIFY raw varbinary(4) DEFAULT X'00FE'", "column raw"),
    ("MODIFY raw binary(4) DEFAULT X'00FF'", "column raw"),
    ("ADD extra int", "column extra"),
    ("ADD extra int FIRST", "column extra"),
    ("DROP note", "column note"),
    ("MODIFY note text AFTER id", "order of columns"),
    ("MODIFY raw varbinary(4) DEFAULT X'00FF' FIRST", "order of columns"),
    ("MODIFY note mediumtext AFTER id", "column note", "order of columns"),
    ("RENAME COLUMN note TO notes", "column note", "column notes"),
    ("DROP KEY k", "index k"),
    ("DROP KEY k, ADD KEY k (title(5))", "index k"),
    ("DROP KEY k, ADD KEY k (title DESC)", "index k"),
    ("DROP KEY k, ADD KEY k (title, flag)", "index k"),
    ("DROP KEY k, ADD UNIQUE KEY k (title)", "index k"),
    ("DROP KEY k, ADD FULLTEXT KEY k (title)", "index k"),
    ("DROP KEY k, ADD KEY k (title) COMMENT 'x'", "index k"),
    ("RENAME KEY k TO k2", "index k", "index k2"),
    ("ADD KEY k2 (flag)", "index k2"),
    ("DROP PRIMARY KEY, ADD PRIMARY KEY (id, flag)", "primary key", "column flag"),
    ("DROP PRIMARY KEY", "primary key"),
    ("DROP FOREIGN KEY f_{t}", "foreign key f_{t}"),
    ("DROP FOREIGN KEY f_{t}, ADD CONSTRAINT g_{t} FOREIGN KEY (n) REFERENCES parent (id)",
     "foreign key f_{t}", "foreign key g_{t}"),
    ("DROP CONSTRAINT c_{t}", "check c_{t}"),
    ("ADD CONSTRAINT d_{t} CHECK (flag > 0)", "check d_{t}"),
    ("COMMENT='AUTO_INCREMENT=6'", "option COMMENT"),
    ("ROW_FORMAT=COMPACT", "option ROW_FORMAT"),
    ("STATS_PERSISTENT=1", "option STATS_PERSISTENT"),
    ("DEFAULT COLLATE utf8mb4_bin", "option COLLATE", "column title", "column note", "column sort"),
    ("CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", "option COLLATE"),
    # And what is no difference:
    ("AUTO_INCREMENT=99",),
    ("MODIFY n int(5) DEFAULT 1",),
    ("MODIFY title varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NOT NULL DEFAULT 'a'",),
    ("DROP KEY k, ADD KEY k (title) USING BTREE",),
    ("DROP KEY u, ADD UNIQUE KEY u (n, id)",),
    ("DROP CONSTRAINT c_{t}, ADD CONSTRAINT c_{t} CHECK (n > 0)",),
    ("FORCE",),
]  # fmt: skip
MYSQL = [
    ("ALTER INDEX k INVISIBLE", "index k"),
    ("ADD KEY k2 ((n * 2))", "index k2"),
    ("ALTER CHECK c_{t} NOT ENFORCED", "check c_{t}"),
    ("MODIFY title varchar(20) NOT NULL DEFAULT (concat('a', 'b'))", "column title"),
    ("ADD where_at point SRID 4326", "column where_at"),
]
MARIADB = [
    ("ALTER INDEX k IGNORED", "index k"),
    ("MODIFY title varchar(20) NOT NULL DEFAULT concat('a', 'b')", "column title"),
    ("MODIFY flag tinyint(1) CHECK (flag < 3)", "column flag"),
    ("ADD SYSTEM VERSIONING", "option WITH"),
    ("MODIFY title varchar(20) COMPRESSED NOT NULL DEFAULT 'a', DROP KEY k", "column title", "index k"),
    ("PAGE_COMPRESSED=1", "option PAGE_COMPRESSED"),
    ("ADD u2 uuid", "column u2"),
]
OF_ROWS = [
    ("ADD PARTITION (PARTITION higher VALUES LESS THAN (30))", "partition higher"),
    ("DROP PARTITION low", "partition low"),
    ("REORGANIZE PARTITION high INTO (PARTITION high VALUES LESS THAN (25))", "partition high"),
    ("REMOVE PARTITIONING", "partitioning", "partition low", "partition high"),
    ("DROP KEY first", "index first", "clustered index"),
    ("ADD PRIMARY KEY (id)", "primary key", "clustered index"),
    ("DROP KEY second, ADD UNIQUE KEY second (b, id)",),
]


def test_every_single_change_of_a_table_is_found_and_named(database: Database) -> None:
    """And what changes nothing but the text is not. Each case is one change, with the clauses that differ then."""
    cases = [(BASE, *case) for case in BOTH + (MYSQL if database.server.flavour == "mysql" else MARIADB)]
    cases += [(ROWS, *case) for case in OF_ROWS]
    database.run("SET sql_mode = 'STRICT_TRANS_TABLES'", "CREATE TABLE parent (id INT PRIMARY KEY)")
    tables = {f"t{at:03}": case for at, case in enumerate(cases)}
    database.run(*(create.replace("{t}", name) for name, (create, *_) in tables.items()))
    before = read(database)
    database.run(*(f"ALTER TABLE {name} {change.replace('{t}', name)}" for name, (_, change, *_) in tables.items()))

    differences = compare(before, read(database))

    found = {name: {d.part for d in differences if d.name == name} for name in tables}
    expected = {name: {part.replace("{t}", name) for part in parts} for name, (_, _, *parts) in tables.items()}
    wrong = {tables[name][1]: (expected[name], found[name]) for name in tables if expected[name] != found[name]}
    assert not wrong, told(d for d in differences if tables[d.name][1] in wrong)


def test_the_text_of_a_missing_clause_adds_it(database: Database) -> None:
    """ALTER TABLE … ADD and the clause's normal form: the same again."""
    database.run("CREATE TABLE parent (id INT PRIMARY KEY)", BASE.replace("{t}", "child"))
    database.run("ALTER TABLE child ADD last varchar(9) CHARACTER SET latin1 DEFAULT 'é' COMMENT 'it''s the last'")
    before = read(database)
    database.run(
        "ALTER TABLE child DROP FOREIGN KEY f_child", "ALTER TABLE child DROP CONSTRAINT c_child",
        "ALTER TABLE child DROP KEY k, DROP KEY u, DROP PRIMARY KEY, DROP COLUMN last",
    )  # fmt: skip

    missing = compare(before, read(database))
    assert {d.part for d in missing} == {
        "column last", "index k", "index u", "primary key", "foreign key f_child", "check c_child",
    }  # fmt: skip
    database.run(*(f"ALTER TABLE child ADD {d.expected}" for d in missing))

    assert not compare(before, read(database))


def test_the_first_unique_key_counts_where_there_is_no_primary_key(database: Database) -> None:
    """InnoDB keeps the rows in its order: of all indexes, this is the one whose place is not arbitrary."""
    columns = "a INT NOT NULL, b INT NOT NULL"
    database.run(f"CREATE TABLE t ({columns}, UNIQUE KEY ka (a), UNIQUE KEY kb (b), KEY kc (a, b), KEY kd (b, a))")
    before = read(database)
    database.run(
        "DROP TABLE t",
        f"CREATE TABLE t ({columns}, UNIQUE KEY ka (a), UNIQUE KEY kb (b), KEY kd (b, a), KEY kc (a, b))",
    )
    assert not compare(before, read(database))

    database.run(
        "DROP TABLE t",
        f"CREATE TABLE t ({columns}, UNIQUE KEY kb (b), UNIQUE KEY ka (a), KEY kc (a, b), KEY kd (b, a))",
    )
    assert [(d.part, d.expected, d.found) for d in compare(before, read(database))] == [
        ("clustered index", "`ka`", "`kb`")
    ]


def test_a_literal_is_the_same_in_any_character_set(database: Database) -> None:
    """MySQL rewrites the literals of expressions at any ALTER, into the character set of the column beside them."""
    database.run(
        "CREATE TABLE t (a VARCHAR(20) CHARACTER SET latin1, b VARCHAR(20) CHARACTER SET utf8mb3,"
        " w VARCHAR(9) CHARACTER SET ucs2, plus VARCHAR(40) CHARACTER SET latin1 AS (concat(a, 'Ãé')),"
        " raw VARBINARY(4) DEFAULT X'FF00', CHECK (a <> 'é\\n''x'), CHECK (b <> 'é'), CHECK (w <> 'é'),"
        " CHECK (a <> 'plain')) DEFAULT CHARSET = latin1"
    )
    before = read(database)
    database.run("ALTER TABLE t ADD more INT", "ALTER TABLE t DROP more")
    after = read(database)
    assert not compare(before, after), told(compare(before, after))

    other = database.another()
    load(database, other, after, shadow=True)
    assert not compare(after, read(database, other))
    with session(database, other) as connection:
        connection.execute("INSERT INTO t (a) VALUES ('x')")
        rows = connection.execute("SELECT plus, HEX(raw) FROM t").rows
    assert rows == (("xÃé", "FF00"),)

    database.run("ALTER TABLE t MODIFY plus VARCHAR(40) CHARACTER SET latin1 AS (concat(a, 'Ãè'))")
    assert [d.part for d in compare(before, read(database))] == ["column plus"]
