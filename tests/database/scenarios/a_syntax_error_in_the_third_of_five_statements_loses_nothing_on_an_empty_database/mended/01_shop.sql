-- Five statements, and an error in the third.
CREATE TABLE customers (id INT NOT NULL PRIMARY KEY);
INSERT INTO customers VALUES (1);

ALTER TABLE customers ADD COLUMN email VARCHAR(200) NULL;
INSERT INTO customers VALUES (2, 'grace@example.org');
CREATE TABLE orders (id INT NOT NULL PRIMARY KEY);
