-- An index on an expression
CREATE TABLE x (a INT, b INT, KEY k ((a + 1)));

-- What is hidden
CREATE TABLE h (a INT, b INT INVISIBLE);
