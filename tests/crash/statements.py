"""What is run under fire: migrations with every kind of statement.

Rows have explicit ids and fixed times: a rolled-back INSERT uses up values of AUTO_INCREMENT. Data statements are
such that a second run shows.
"""

from __future__ import annotations

from collections.abc import Mapping

TABLE = "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci"

# What was there before: made by an earlier image, with rows.
BASE: Mapping[str, tuple[str, ...]] = {
    "01_base": (
        "CREATE TABLE parents (id INT NOT NULL PRIMARY KEY, name VARCHAR(40) NOT NULL, n INT NOT NULL DEFAULT 0) "
        + TABLE,
        "CREATE TABLE children (id INT NOT NULL PRIMARY KEY, parent_id INT NOT NULL, word VARCHAR(20) NOT NULL,"
        " CONSTRAINT children_parent FOREIGN KEY (parent_id) REFERENCES parents (id)) " + TABLE,
        f"CREATE TABLE tally (what VARCHAR(40) NOT NULL, n INT NOT NULL) {TABLE}",
        f"CREATE TABLE doomed (id INT NOT NULL PRIMARY KEY, word VARCHAR(20) NOT NULL) {TABLE}",
        f"CREATE TABLE doomed_too (id INT NOT NULL PRIMARY KEY) {TABLE}",
        f"CREATE TABLE one (id INT NOT NULL PRIMARY KEY, a INT NULL) {TABLE}",
        f"CREATE TABLE two (id INT NOT NULL PRIMARY KEY, b INT NULL) {TABLE}",
        "CREATE VIEW old_view AS SELECT id, name FROM parents",
        "INSERT INTO parents VALUES (1, 'Ada', 1), (2, 'Grace', 2), (3, 'Edsger', 3)",
        "INSERT INTO children VALUES (1, 1, 'eins'), (2, 1, 'zwei'), (3, 3, 'drei')",
        "INSERT INTO doomed VALUES (1, 'x'), (2, 'y')",
        "INSERT INTO one VALUES (1, 10), (2, 20)",
        "INSERT INTO two VALUES (1, 100)",
    ),
}

MIGRATIONS: Mapping[str, tuple[str, ...]] = {
    "10_create": (
        "CREATE TABLE users (id INT NOT NULL PRIMARY KEY, name VARCHAR(40) NOT NULL, born DATETIME NULL) " + TABLE,
        "CREATE TABLE IF NOT EXISTS users (id INT NOT NULL PRIMARY KEY)",
        "INSERT INTO users VALUES (1, 'Ada', '1815-12-10 00:00:00'), (2, 'Grace', '1906-12-09 00:00:00')",
        "INSERT INTO tally VALUES ('created', 1)",
        f"CREATE TABLE copies (PRIMARY KEY (id)) {TABLE} AS SELECT id, name FROM parents",
        "CREATE TABLE likes LIKE children",
    ),
    "20_alter": (
        "ALTER TABLE users ADD COLUMN age INT NULL, ALGORITHM=INSTANT",
        "ALTER TABLE users ADD INDEX users_age (age), ALGORITHM=INPLACE",
        "ALTER TABLE users MODIFY name VARCHAR(200) NOT NULL, ALGORITHM=COPY",
        "ALTER TABLE users ADD COLUMN email VARCHAR(80) NOT NULL DEFAULT 'nobody', ADD UNIQUE KEY by_both (id, email)",
        "UPDATE users SET age = 36 WHERE id = 1",
        "CREATE INDEX users_email ON users (email)",
        "DROP INDEX users_age ON users",
        "ALTER TABLE users RENAME COLUMN age TO years",
        "ALTER TABLE users ADD CONSTRAINT users_parent FOREIGN KEY (id) REFERENCES parents (id)",
        "ALTER TABLE children DROP FOREIGN KEY children_parent",
        "ALTER TABLE users DROP COLUMN born",
        "ALTER TABLE users COMMENT = 'people'",
    ),
    "30_rename": (
        "RENAME TABLE users TO people",
        "RENAME TABLE one TO swapping, two TO one, swapping TO two",
        "ALTER TABLE parents RENAME TO elders",
    ),
    "40_programs": (
        "CREATE VIEW adults AS SELECT id, name FROM people WHERE years > 17",
        "CREATE OR REPLACE VIEW adults AS SELECT id, name, years FROM people WHERE years > 17",
        "CREATE TRIGGER people_in BEFORE INSERT ON people FOR EACH ROW SET NEW.email = LOWER(NEW.email)",
        "CREATE PROCEDURE count_up() UPDATE tally SET n = n + 1",
        "CREATE FUNCTION twice(x INT) RETURNS INT DETERMINISTIC RETURN 2 * x",
        "CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 00:00:00' DISABLE DO DELETE FROM tally",
        "ALTER EVENT nightly COMMENT 'every night'",
        "DROP VIEW old_view",
        "DROP TRIGGER people_in",
        "DROP FUNCTION twice",
    ),
    "50_data": (
        "INSERT INTO people (id, name, years, email) VALUES (3, 'Edsger', 72, 'EWD@EXAMPLE.ORG')",
        "UPDATE tally SET n = n + 10",
        "INSERT INTO tally (what, n) SELECT name, years FROM people WHERE years IS NOT NULL",
        "DELETE FROM children WHERE word = 'drei'",
        "REPLACE INTO one VALUES (7, 70)",
        "BEGIN",
        "INSERT INTO tally VALUES ('together', 1)",
        "UPDATE tally SET n = n + 100 WHERE what = 'together'",
        "COMMIT WORK",
        "SET @step = 5",
        "UPDATE tally SET n = n + @step",
    ),
    "60_upkeep": (
        "ANALYZE TABLE people",
        "OPTIMIZE TABLE people",
        "ALTER TABLE people ENGINE=InnoDB",
        "DROP TABLE IF EXISTS never_there",
        "TRUNCATE TABLE copies",
    ),
    "70_drop": (
        "DROP TABLE doomed, doomed_too",
        "DROP PROCEDURE count_up",
        "DROP EVENT nightly",
        "DROP TABLE likes",
        "INSERT INTO tally VALUES ('done', 1)",
    ),
}

# What only the session knows, or nobody can look at afterwards.
SESSION: Mapping[str, tuple[str, ...]] = {
    "80_session": (
        "PREPARE add_one FROM 'INSERT INTO tally VALUES (''prepared'', ?)'",
        "SET @value = 3",
        "EXECUTE add_one USING @value",
        "DEALLOCATE PREPARE add_one",
        "CREATE PROCEDURE count_up() UPDATE tally SET n = n + 1",
        "CALL count_up()",
        "CREATE TEMPORARY TABLE some (id INT NOT NULL PRIMARY KEY, n INT NOT NULL)",
        "INSERT INTO some VALUES (1, 41), (2, 42)",
        "INSERT INTO tally (what, n) SELECT 'temporary', n FROM some",
        "DROP TEMPORARY TABLE some",
        "UPDATE tally SET n = n + 1",
    ),
}

# Statements whose outcome nobody can tell by looking: a person is asked, with reason.
UNDECIDABLE = frozenset({"80_session:6"})

# All of which what became of it is found without asking.
SEEN: Mapping[str, tuple[str, ...]] = {**BASE, **MIGRATIONS}

# Every kind of statement once, for starts that make all from nothing: what is done there is told by trying it again.
SHORT: Mapping[str, tuple[str, ...]] = {
    "10_tables": (
        f"CREATE TABLE parents (id INT NOT NULL PRIMARY KEY, name VARCHAR(40) NOT NULL) {TABLE}",
        f"CREATE TABLE tally (what VARCHAR(40) NOT NULL, n INT NOT NULL) {TABLE}",
        "INSERT INTO parents VALUES (1, 'Ada'), (2, 'Grace')",
        f"CREATE TABLE copies (PRIMARY KEY (id)) {TABLE} AS SELECT id, name FROM parents",
        "CREATE TABLE likes LIKE parents",
    ),
    "20_changes": (
        "ALTER TABLE parents ADD COLUMN age INT NULL, ALGORITHM=INSTANT",
        "ALTER TABLE parents ADD INDEX parents_age (age), ALGORITHM=INPLACE",
        "ALTER TABLE parents MODIFY name VARCHAR(200) NOT NULL, ALGORITHM=COPY",
        "UPDATE parents SET age = 36 WHERE id = 1",
        "RENAME TABLE parents TO elders",
        "RENAME TABLE copies TO swapping, likes TO copies, swapping TO likes",
        "ALTER TABLE elders ENGINE=InnoDB",
        "TRUNCATE TABLE likes",
    ),
    "30_programs": (
        "CREATE VIEW adults AS SELECT id, name FROM elders WHERE age > 17",
        "CREATE TRIGGER elders_in BEFORE INSERT ON elders FOR EACH ROW SET NEW.name = LOWER(NEW.name)",
        "CREATE PROCEDURE count_up() UPDATE tally SET n = n + 1",
        "CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 00:00:00' DISABLE DO DELETE FROM tally",
    ),
    "40_data": (
        "INSERT INTO elders (id, name, age) VALUES (3, 'Edsger', 72)",
        "INSERT INTO tally (what, n) SELECT name, age FROM elders WHERE age IS NOT NULL",
        "BEGIN",
        "UPDATE tally SET n = n + 100",
        "COMMIT WORK",
        "DROP TABLE copies, likes",
        "DROP PROCEDURE count_up",
    ),
}

# Long ones, on a table of many rows, each alone in its file and one after the other.
LONG: Mapping[str, str] = {
    "index": "CREATE INDEX big_n ON big (n)",
    "update": "UPDATE big SET n = n + 1",
    "copy": "ALTER TABLE big MODIFY word VARCHAR(99) NOT NULL, ALGORITHM=COPY",
    "inplace": "ALTER TABLE big ADD INDEX big_word (word), ALGORITHM=INPLACE",
    "select": "INSERT INTO big_too SELECT id, n, word FROM big",
    "create": f"CREATE TABLE big_three (PRIMARY KEY (id)) {TABLE} AS SELECT id, n FROM big",
    "optimize": "OPTIMIZE TABLE big",
    "delete": "DELETE FROM big WHERE id % 2 = 0",
    "drop": "DROP TABLE big, big_too",
}
BIG = (
    f"CREATE TABLE big (id INT NOT NULL PRIMARY KEY, n INT NOT NULL, word VARCHAR(60) NOT NULL) {TABLE}",
    f"CREATE TABLE big_too (id INT NOT NULL PRIMARY KEY, n INT NOT NULL, word VARCHAR(60) NOT NULL) {TABLE}",
)
# They wait for a transaction that somebody forgot, which has read that table.
BLOCKED: Mapping[str, tuple[str, str]] = {
    "alter": ("parents", "ALTER TABLE parents ADD COLUMN more INT NULL"),
    "rename": ("parents", "RENAME TABLE parents TO elders"),
    "truncate": ("doomed", "TRUNCATE TABLE doomed"),
    "drop": ("doomed", "DROP TABLE doomed, doomed_too"),
}
