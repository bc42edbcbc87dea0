-- Keys in a circle

-- A table that refers to itself, and its parent with another type
CREATE TABLE p (id INT PRIMARY KEY);
CREATE TABLE s (id INT PRIMARY KEY, up INT, p INT, KEY k (up), KEY l (p),
  CONSTRAINT s_s FOREIGN KEY (up) REFERENCES s (id),
  CONSTRAINT s_p FOREIGN KEY (p) REFERENCES p (id));

-- An index of a foreign key under another name, wider and with another order
CREATE TABLE ip (a INT, b INT, PRIMARY KEY (a, b));
CREATE TABLE ic (a INT, b INT, KEY first (a, b),
  CONSTRAINT i_f FOREIGN KEY (a, b) REFERENCES ip (a, b));

-- Names of checks and keys that change their table
CREATE TABLE n1 (id INT PRIMARY KEY,
  CONSTRAINT same CHECK (id > 1));
CREATE TABLE n2 (id INT PRIMARY KEY);
CREATE TABLE n3 (id INT PRIMARY KEY,
  CONSTRAINT that FOREIGN KEY (id) REFERENCES n1 (id));

-- Names in other letters
CREATE TABLE letters (Id INT PRIMARY KEY, Title VARCHAR(9), KEY By_Title (Title));

-- The column that counts
CREATE TABLE counts (id INT AUTO_INCREMENT PRIMARY KEY, n INT);

-- Virtual, stored and plain
CREATE TABLE g (a INT, v INT AS (a + 1) VIRTUAL, s INT AS (a + 2) STORED, p INT, KEY k (v, p), CHECK (v > 0));

-- Every column another one
CREATE TABLE every (a INT, b INT);

-- The rows in another order
CREATE TABLE clustered (a INT NOT NULL, b INT NOT NULL, UNIQUE KEY ka (a), UNIQUE KEY kb (b));

-- Partitions, and the key that has to have their column
CREATE TABLE parts (id INT, day DATE, PRIMARY KEY (id));

-- Full-text indexes over columns that get another collation
CREATE TABLE words (a VARCHAR(9), b TEXT, FULLTEXT KEY f (a, b)) COLLATE utf8mb4_bin;

-- Another engine
CREATE TABLE engine (a INT, KEY (a)) ENGINE=MyISAM;

-- A view where a table was
CREATE TABLE thing (a INT);
CREATE VIEW other AS SELECT a FROM thing;

-- Views that name each other the other way round
CREATE VIEW va AS SELECT 1 AS x;
CREATE VIEW vb AS SELECT x FROM va;

-- Triggers in another order, on another table
CREATE TABLE ta (a INT);
CREATE TABLE tb (a INT);
CREATE TRIGGER ta BEFORE INSERT ON ta FOR EACH ROW SET @a = 0;
CREATE TRIGGER tb BEFORE INSERT ON ta FOR EACH ROW SET @a = 1;
CREATE TRIGGER tc BEFORE INSERT ON ta FOR EACH ROW SET @a = 2;
CREATE TRIGGER td BEFORE INSERT ON ta FOR EACH ROW SET @a = 3;

-- Routines and events, and the sessions that they keep
CREATE PROCEDURE r() SELECT 1;
CREATE EVENT e ON SCHEDULE EVERY 1 DAY DISABLE COMMENT 'x' DO SET @a = 1;

-- The server made the index for a key that goes and comes back.
CREATE TABLE implied_parent (id INT PRIMARY KEY);
CREATE TABLE implied (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES implied_parent (id));
CREATE TABLE implied_named (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES implied_parent (id));

-- Blocks of another size, and engines that write that to each index
CREATE TABLE blocks (id INT AUTO_INCREMENT PRIMARY KEY, a VARCHAR(9), KEY k (a)) ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=8;
CREATE TABLE smaller (id INT PRIMARY KEY, a VARCHAR(9), KEY k (a)) ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=8;
CREATE TABLE leaving (id INT PRIMARY KEY, a VARCHAR(9), KEY k (a)) ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=8;

-- Two full-text indexes, alone and beside a column that becomes another
CREATE TABLE texts (id INT PRIMARY KEY, a TEXT, b TEXT);
CREATE TABLE more_texts (id INT PRIMARY KEY, a TEXT, b TEXT, n INT AS (id + 1) VIRTUAL);

-- A computed column before what it is computed from, where more is done
CREATE TABLE ahead (id INT PRIMARY KEY, gone INT);
