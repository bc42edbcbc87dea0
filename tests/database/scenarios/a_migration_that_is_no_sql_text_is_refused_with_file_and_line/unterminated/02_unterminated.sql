-- It's a comment: the quote in it is none.
INSERT INTO customers VALUES (1);

INSERT INTO customers (name) VALUES ('O\'Hara);
INSERT INTO customers VALUES (2);
