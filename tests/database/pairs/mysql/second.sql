-- An index on an expression
CREATE TABLE x (a BIGINT, KEY k ((a * 2), a), KEY l (a) INVISIBLE);

-- What is hidden
CREATE TABLE h (a INT INVISIBLE, b INT);

-- Another reference system, under an index that stays, one that goes and one that is changed; alone and with more
CREATE TABLE places (id INT PRIMARY KEY, p POINT NOT NULL SRID 0, q GEOMETRY NOT NULL, r POINT NOT NULL SRID 4326,
  SPATIAL KEY p (p), SPATIAL KEY r (r) COMMENT 'here');
CREATE TABLE shapes (p GEOMETRY NOT NULL SRID 0, id BIGINT AUTO_INCREMENT PRIMARY KEY, m INT, SPATIAL KEY p (p));

-- No primary key any more, where another one would be taken for it
CREATE TABLE keyless (id INT NOT NULL, a INT NOT NULL);
CREATE TABLE keyed (id INT NOT NULL, a INT NOT NULL, UNIQUE KEY u (a));

-- Indexes that nothing changes but who sees them, alone and with more; and another parser
CREATE TABLE seen (id INT PRIMARY KEY, a INT, b TEXT, KEY k (a) INVISIBLE, KEY l (a) COMMENT 'x',
  FULLTEXT KEY f (b) INVISIBLE);
CREATE TABLE seen_more (id INT PRIMARY KEY, a INT, v INT AS (a) STORED, KEY k (a) INVISIBLE, KEY l (a, id), KEY m (v));
CREATE TABLE parsed (id INT PRIMARY KEY, a TEXT, b TEXT, FULLTEXT KEY f (a),
  FULLTEXT KEY g (b) WITH PARSER ngram INVISIBLE);

-- A check of no column, beside an index on an expression that goes
CREATE TABLE always (id INT PRIMARY KEY, a BIGINT, CONSTRAINT always CHECK (1 = 1));
CREATE TABLE remade (id INT PRIMARY KEY, a INT, v INT AS (a) STORED, CONSTRAINT remade CHECK (1 = 1));

-- Another parser alone; a hidden index that another one guards; a hidden one on shapes of another reference system
CREATE TABLE parser (id INT PRIMARY KEY, a TEXT, FULLTEXT KEY k (a) WITH PARSER ngram);
CREATE TABLE guarded (a INT NOT NULL, b INT NOT NULL, PRIMARY KEY (b), UNIQUE KEY a (a) INVISIBLE);
CREATE TABLE hidden_shapes (id INT PRIMARY KEY, p POINT NOT NULL SRID 0, SPATIAL KEY k (p));
