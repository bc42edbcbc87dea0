-- Keys in a circle
CREATE TABLE c1 (id INT PRIMARY KEY, o INT, KEY (o));
CREATE TABLE c2 (id INT PRIMARY KEY, o INT, KEY (o));
ALTER TABLE c1 ADD CONSTRAINT c12 FOREIGN KEY (o) REFERENCES c2 (id);
ALTER TABLE c2 ADD CONSTRAINT c21 FOREIGN KEY (o) REFERENCES c1 (id);

-- A table that refers to itself, and its parent with another type
CREATE TABLE p (id BIGINT PRIMARY KEY);
CREATE TABLE s (id BIGINT PRIMARY KEY, up BIGINT, p BIGINT, KEY k (up), KEY l (p),
  CONSTRAINT s_s FOREIGN KEY (up) REFERENCES s (id),
  CONSTRAINT s_p FOREIGN KEY (p) REFERENCES p (id));

-- An index of a foreign key under another name, wider and with another order
CREATE TABLE ip (a INT, b INT, PRIMARY KEY (a, b));
CREATE TABLE ic (a INT, b INT, c INT, KEY other (a, b, c),
  CONSTRAINT i_f FOREIGN KEY (a, b) REFERENCES ip (a, b));

-- Names of checks and keys that change their table
CREATE TABLE n1 (id INT PRIMARY KEY);
CREATE TABLE n2 (id INT PRIMARY KEY,
  CONSTRAINT same CHECK (id > 1),
  CONSTRAINT that FOREIGN KEY (id) REFERENCES n1 (id));
CREATE TABLE n3 (id INT PRIMARY KEY);

-- Names in other letters
CREATE TABLE letters (id INT PRIMARY KEY, title VARCHAR(9), KEY by_title (title));

-- The column that counts
CREATE TABLE counts (id INT, n INT AUTO_INCREMENT, KEY (n), PRIMARY KEY (id));

-- Virtual, stored and plain
CREATE TABLE g (a BIGINT, v INT AS (a + 1) STORED, s INT, p INT AS (a + 3) VIRTUAL, KEY k (v, p), CHECK (v > 0));

-- Every column another one
CREATE TABLE every (c INT, d INT, e INT, PRIMARY KEY (c));

-- The rows in another order
CREATE TABLE clustered (a INT NOT NULL, b INT NOT NULL, UNIQUE KEY kb (b), UNIQUE KEY ka (a));

-- Partitions, and the key that has to have their column
CREATE TABLE parts (id INT, day DATE, PRIMARY KEY (id, day))
PARTITION BY RANGE (YEAR(day)) (PARTITION old VALUES LESS THAN (2000), PARTITION new VALUES LESS THAN MAXVALUE);

-- Full-text indexes over columns that get another collation
CREATE TABLE words (a VARCHAR(9), b TEXT, FULLTEXT KEY f (a, b)) COLLATE utf8mb4_unicode_ci;

-- Another engine
CREATE TABLE engine (a BIGINT, KEY (a)) ENGINE=InnoDB;

-- A view where a table was
CREATE TABLE other (a INT);
CREATE VIEW thing AS SELECT a FROM other;

-- Views that name each other the other way round
CREATE VIEW vb AS SELECT 1 AS x;
CREATE VIEW va AS SELECT x FROM vb;

-- Triggers in another order, on another table
CREATE TABLE ta (a INT);
CREATE TABLE tb (a INT);
CREATE TRIGGER td BEFORE INSERT ON ta FOR EACH ROW SET @a = 3;
CREATE TRIGGER tb BEFORE INSERT ON ta FOR EACH ROW SET @a = 4;
CREATE TRIGGER ta BEFORE INSERT ON ta FOR EACH ROW SET @a = 0;
CREATE TRIGGER tc BEFORE INSERT ON tb FOR EACH ROW SET @a = 2;

-- Routines and events, and the sessions that they keep
SET SESSION sql_mode = 'ANSI_QUOTES';
CREATE PROCEDURE "r"() SELECT "a" FROM (SELECT 1 AS a) AS b;
CREATE EVENT "e" ON SCHEDULE EVERY 1 DAY ON COMPLETION PRESERVE DISABLE DO SET @a = 2;
CREATE EVENT f ON SCHEDULE EVERY 2 HOUR DISABLE DO SET @a = 3;
SET SESSION sql_mode = '';

CREATE TABLE implied_parent (id BIGINT PRIMARY KEY);
CREATE TABLE implied (id INT PRIMARY KEY, parent BIGINT, FOREIGN KEY (parent) REFERENCES implied_parent (id));
CREATE TABLE implied_named (
    id INT PRIMARY KEY, parent BIGINT, KEY parent (parent),
    CONSTRAINT named FOREIGN KEY (parent) REFERENCES implied_parent (id) ON DELETE CASCADE
);

-- Blocks of another size, and engines that write that to each index
CREATE TABLE blocks (id INT AUTO_INCREMENT PRIMARY KEY, a VARCHAR(9), KEY k (a)) ENGINE=MyISAM;
CREATE TABLE smaller (id INT PRIMARY KEY, a VARCHAR(9), KEY k (a)) ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=4;
CREATE TABLE leaving (id INT PRIMARY KEY, a VARCHAR(9), KEY k (a)) ROW_FORMAT=DYNAMIC;

-- Two full-text indexes, alone and beside a column that becomes another
CREATE TABLE texts (id INT PRIMARY KEY, a TEXT, b TEXT, FULLTEXT KEY a (a), FULLTEXT KEY b (b));
CREATE TABLE more_texts (id INT PRIMARY KEY, a TEXT, b TEXT, n INT AS (id + 1) STORED, FULLTEXT KEY a (a),
  FULLTEXT KEY b (b));

-- A computed column before what it is computed from, where more is done
CREATE TABLE ahead (n INT AS (later + 1) STORED, id INT PRIMARY KEY, later INT);
