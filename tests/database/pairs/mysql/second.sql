-- An index on an expression
CREATE TABLE x (a BIGINT, KEY k ((a * 2), a), KEY l (a) INVISIBLE);

-- What is hidden
CREATE TABLE h (a INT INVISIBLE, b INT);
