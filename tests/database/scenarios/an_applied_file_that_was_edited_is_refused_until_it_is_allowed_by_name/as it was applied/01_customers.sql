CREATE TABLE customers (id INT NOT NULL PRIMARY KEY, name VARCHAR(100) NOT NULL);
INSERT INTO customers VALUES (1, 'Ada'), (2, 'Grace');
