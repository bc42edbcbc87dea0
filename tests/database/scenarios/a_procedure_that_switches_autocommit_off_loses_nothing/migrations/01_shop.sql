CREATE TABLE customers (id INT NOT NULL PRIMARY KEY);
CREATE PROCEDURE careless() BEGIN SET autocommit = 0; INSERT INTO customers VALUES (1); END;
CALL careless();
INSERT INTO customers VALUES (2);
