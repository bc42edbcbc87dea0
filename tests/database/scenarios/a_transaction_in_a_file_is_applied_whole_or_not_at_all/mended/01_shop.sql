CREATE TABLE customers (id INT NOT NULL PRIMARY KEY);

-- All of them or none.
START TRANSACTION;
INSERT INTO customers VALUES (1);
INSERT INTO customers VALUES (2);
SAVEPOINT here;
UPDATE customers SET id = 3 WHERE id = 2;
INSERT INTO customers VALUES (2);
COMMIT;
