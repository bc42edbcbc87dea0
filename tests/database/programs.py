"""Views, triggers, routines, events and sequences of all sorts, with the tables that they need."""

from __future__ import annotations

from tests.databases import Database, quoted

BOTH = r"""
CREATE TABLE t (a INT PRIMARY KEY, b VARCHAR(10) CHARACTER SET latin1, c VARCHAR(20), FULLTEXT (c))
;;
CREATE TABLE u (a INT, b INT, CONSTRAINT inside FOREIGN KEY (b) REFERENCES t (a))
;;
CREATE FUNCTION f (x INT) RETURNS INT DETERMINISTIC RETURN x + 1
;;
CREATE VIEW v01 AS SELECT *, f(a) AS ff, concat(b, 'é', c) cc, if(a AND b OR c, 1, 2) FROM t
WHERE b LIKE 'x%' AND NOT (a BETWEEN 1 AND 2) ORDER BY a LIMIT 5
;;
CREATE VIEW v02 (x, y) AS SELECT v01.a, count(*) FROM v01 LEFT JOIN t USING (a) JOIN u ON u.a = v01.a
GROUP BY 1 HAVING count(*) > 1
;;
CREATE ALGORITHM=MERGE SQL SECURITY INVOKER VIEW v03 AS SELECT a FROM t WHERE a > 1 WITH LOCAL CHECK OPTION
;;
CREATE VIEW v04 AS SELECT t.a FROM t, {other}.t t2
;;
CREATE VIEW v05 AS SELECT {own}.t.a, {own}.f(1) z, max({own}.f({own}.t.a)) m FROM {own}.t GROUP BY 1
;;
CREATE VIEW v06 AS WITH RECURSIVE q AS (SELECT 1 n UNION ALL SELECT n + 1 FROM q WHERE n < 5)
SELECT n, row_number() OVER (ORDER BY n) r, (SELECT max(a) FROM t) m FROM q
;;
CREATE VIEW v07 AS SELECT cast(a AS CHAR CHARSET utf8mb4) z, c COLLATE utf8mb4_bin w,
CASE b WHEN 'x' THEN 1 ELSE 0 END k, date_add(now(), INTERVAL 1 DAY) dd, json_extract('{}', '$.a') j FROM t
;;
CREATE VIEW v08 AS SELECT a FROM u
;;
CREATE VIEW sorts_before_what_it_needs AS SELECT * FROM v08 WHERE EXISTS (SELECT 1 FROM v02)
;;
CREATE VIEW `we``ird` AS SELECT a AS `q``x`, 'it''s \\ \n' AS s FROM t
;;
CREATE VIEW v09 AS WITH q (n, m) AS (SELECT a, b FROM t) SELECT q.n FROM q JOIN q q2 USING (m)
;;
CREATE VIEW v11 AS SELECT DISTINCT t.a FROM t NATURAL JOIN u WHERE t.a IN (SELECT a FROM u)
UNION ALL SELECT 3 ORDER BY 1
;;
CREATE VIEW v12 AS SELECT group_concat(b ORDER BY c DESC SEPARATOR ';') g, sum(a) s FROM t GROUP BY c WITH ROLLUP
;;
CREATE VIEW v13 AS SELECT trim(BOTH 'x' FROM b) t1, substring(b FROM 2 FOR 3) s, extract(YEAR FROM now()) y,
b REGEXP 'x' r, a DIV 2 d, a XOR 1 x, NOT a n, -a neg, a << 2 sh, b IS NULL i, char(65 USING utf8mb4) ch,
convert(b USING latin1) cv, x'41' hx, b'1' bt, date'2020-01-01' dt, true tr, 1e5 fl,
match (c) AGAINST ('x' IN BOOLEAN MODE) ma FROM t
;;
CREATE VIEW an_alias_with_the_name_of_the_schema AS SELECT 1 AS `select`, `{own}`.a FROM t AS `{own}`
;;
CREATE VIEW v15 AS SELECT a FROM t WHERE a > ALL (SELECT a FROM u) OR (a, b) = (SELECT 1, 2) OR a <=> NULL
;;
CREATE VIEW v16 AS SELECT * FROM (SELECT a, b FROM t WHERE a < 5) AS sub
;;
CREATE FUNCTION f2 (x VARCHAR(10), e ENUM('a','b')) RETURNS VARCHAR(20) DETERMINISTIC READS SQL DATA COMMENT 'it''s'
RETURN concat(x, 'a')
;;
CREATE PROCEDURE p1 (IN x VARCHAR(10), OUT y INT(5), INOUT z JSON) SQL SECURITY INVOKER MODIFIES SQL DATA
BEGIN -- hi
  DECLARE w VARCHAR(5); /* foo */ SELECT 'é', x;

  # bar
  IF x THEN
    SET y = 1;
  END IF;
END
;;
CREATE PROCEDURE p2 () SELECT 1 -- at the end
;;
CREATE PROCEDURE p3 () BEGIN /*!50000 SELECT 1 */; SELECT '/* no comment */ -- x'; SELECT ';;'; END
;;
CREATE PROCEDURE `p``4` () BEGIN END
;;
CREATE TRIGGER z1 BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1
;;
CREATE TRIGGER z2 BEFORE INSERT ON t FOR EACH ROW PRECEDES z1 SET NEW.a = 2
;;
CREATE TRIGGER z0 BEFORE INSERT ON t FOR EACH ROW FOLLOWS z2 BEGIN -- é
 SET NEW.c = 'é'; END
;;
CREATE TRIGGER a9 AFTER UPDATE ON t FOR EACH ROW BEGIN END
;;
CREATE TRIGGER a8 BEFORE INSERT ON t FOR EACH ROW BEGIN END
;;
CREATE TRIGGER {own}.qualified BEFORE DELETE ON {own}.t FOR EACH ROW SET @x = 1
;;
CREATE TRIGGER escapes BEFORE INSERT ON u FOR EACH ROW
SET @a = 'can\'t', @b = 'a\\', @c = "q\"\n", @d = b REGEXP '^\\d'
;;
CREATE TRIGGER {own}.`FOR EACH ROW` /* FOR EACH ROW */ BEFORE -- FOR EACH ROW
 INSERT ON {own}.`u` FOR/**/EACH /*! ROW */ /* first */ FOLLOWS escapes SET @e = 'FOR EACH ROW'
;;
CREATE EVENT e1 ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 03:00:00' ENDS '2035-01-01' ON COMPLETION PRESERVE DISABLE
COMMENT 'x do y' DO BEGIN -- x
 SELECT 1; END
;;
CREATE EVENT e2 ON SCHEDULE EVERY '1:2' HOUR_MINUTE DO SELECT 1
;;
CREATE EVENT `do` ON SCHEDULE EVERY 1 MONTH ENABLE DO SET @a = 1
;;
CREATE EVENT once ON SCHEDULE AT '2030-01-01 03:00:00' DISABLE DO SELECT 1
"""
MYSQL = """
CREATE PROCEDURE p5 () SELECT /*+ MAX_EXECUTION_TIME(1000) */ 1
"""
MARIADB = """
CREATE SEQUENCE sq START WITH 5 INCREMENT BY 3 CYCLE
;;
CREATE TABLE sd (id INT DEFAULT nextval(sq), b INT DEFAULT (NEXT VALUE FOR {own}.sq), c INT DEFAULT lastval(sq))
;;
CREATE VIEW vs AS SELECT NEXT VALUE FOR sq AS n
;;
CREATE TABLE wv (a INT) WITH SYSTEM VERSIONING
PARTITION BY SYSTEM_TIME LIMIT 10 (PARTITION p0 HISTORY, PARTITION pn CURRENT)
;;
CREATE AGGREGATE FUNCTION ag (x INT) RETURNS INT BEGIN DECLARE s INT DEFAULT 0;
DECLARE CONTINUE HANDLER FOR NOT FOUND RETURN s; LOOP FETCH GROUP NEXT ROW; SET s = s + x; END LOOP; END
;;
CREATE TABLE ap (id INT, d1 DATE, d2 DATE, PERIOD FOR app (d1, d2), UNIQUE (id, app WITHOUT OVERLAPS))
"""
IN_ANOTHER_SESSION = """
SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT,IGNORE_SPACE', time_zone = '+03:00'
;;
CREATE PROCEDURE "ansi" (IN "x" INT) SELECT "x" || 1
;;
CREATE EVENT "ev" ON SCHEDULE EVERY 1 DAY DISABLE DO SELECT "x"
;;
CREATE TRIGGER "tr" BEFORE UPDATE ON t FOR EACH ROW SET NEW."c" = NEW."c" || 1
;;
CREATE VIEW "va" AS SELECT "a" || "b" AS "x" FROM t
"""
IN_LATIN1 = r"""
CREATE PROCEDURE lp () SELECT 'é'
;;
CREATE VIEW lv AS SELECT 'é' z, concat(b, 'é') y, 'a' x FROM t
;;
CREATE PROCEDURE la () SELECT 'e'
;;
CREATE TRIGGER lt AFTER DELETE ON u FOR EACH ROW SET @x = 'é\\'
;;
CREATE VIEW lva AS SELECT 'a' z FROM t
"""


def make(database: Database) -> str:
    """All of them in the schema; answers the name of another schema, with which a view and a key have to do."""
    other = database.another()
    database.run(f"CREATE TABLE {quoted(other)}.t (a INT PRIMARY KEY)")
    for text in (BOTH, MARIADB if database.server.flavour == "mariadb" else MYSQL):
        database.run(*_statements(text.replace("{own}", database.name).replace("{other}", other)))
    database.run(f"ALTER TABLE u ADD CONSTRAINT outside FOREIGN KEY (a) REFERENCES {quoted(other)}.t (a)")
    for text, charset in ((IN_ANOTHER_SESSION, "utf8mb4"), (IN_LATIN1, "latin1")):
        with database.connect(charset=charset) as connection, connection.cursor() as cursor:
            for statement in _statements(text):
                cursor.execute(statement)
    return other


def _statements(text: str) -> list[str]:
    return [statement.strip() for statement in text.split("\n;;\n")]
