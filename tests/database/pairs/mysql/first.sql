-- An index on an expression
CREATE TABLE x (a INT, b INT, KEY k ((a + 1)));

-- What is hidden
CREATE TABLE h (a INT, b INT INVISIBLE);

-- Another reference system, under an index that stays, one that goes and one that is changed; alone and with more
CREATE TABLE places (id INT PRIMARY KEY, p POINT NOT NULL SRID 4326, q POINT NOT NULL SRID 4326, r POINT NOT NULL,
  SPATIAL KEY p (p), SPATIAL KEY q (q), SPATIAL KEY r (r));
CREATE TABLE shapes (id INT AUTO_INCREMENT PRIMARY KEY, p POINT NOT NULL SRID 4326, n INT, SPATIAL KEY p (p));

-- No primary key any more, where another one would be taken for it
CREATE TABLE keyless (id INT NOT NULL PRIMARY KEY, a INT NOT NULL, UNIQUE KEY u (a) INVISIBLE);
CREATE TABLE keyed (id INT NOT NULL PRIMARY KEY, a INT NOT NULL, UNIQUE KEY u (a) INVISIBLE);

-- Indexes that nothing changes but who sees them, alone and with more; and another parser
CREATE TABLE seen (id INT PRIMARY KEY, a INT, b TEXT, KEY k (a), KEY l (a) COMMENT 'x' INVISIBLE, FULLTEXT KEY f (b));
CREATE TABLE seen_more (id INT PRIMARY KEY, a INT, v INT AS (a) VIRTUAL, KEY k (a), KEY l (a, id) INVISIBLE);
CREATE TABLE parsed (id INT PRIMARY KEY, a TEXT, b TEXT, FULLTEXT KEY f (a) WITH PARSER ngram, FULLTEXT KEY g (b));

-- A check of no column, beside an index on an expression that goes
CREATE TABLE always (id INT PRIMARY KEY, a INT, KEY k ((a + 2)), CONSTRAINT always CHECK (1 = 1));
CREATE TABLE remade (id INT PRIMARY KEY, a INT, v INT AS (a) VIRTUAL, CONSTRAINT remade CHECK (1 = 1));

-- Another parser alone; a hidden index that another one guards; a hidden one on shapes of another reference system
CREATE TABLE parser (id INT PRIMARY KEY, a TEXT, FULLTEXT KEY k (a));
CREATE TABLE guarded (a INT NOT NULL, b INT NOT NULL, UNIQUE KEY b (b), UNIQUE KEY a (a) INVISIBLE);
CREATE TABLE hidden_shapes (id INT PRIMARY KEY, p POINT NOT NULL SRID 4326, SPATIAL KEY k (p) INVISIBLE);
