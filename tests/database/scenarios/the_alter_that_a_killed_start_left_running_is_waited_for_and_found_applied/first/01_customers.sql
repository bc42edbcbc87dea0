CREATE TABLE customers (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, note CHAR(200) NOT NULL DEFAULT '');
INSERT INTO customers (note) VALUES ('a'), ('b'), ('c'), ('d'), ('e'), ('f'), ('g'), ('h');
INSERT INTO customers (note) SELECT a.note FROM customers a, customers b, customers c, customers d;
INSERT INTO customers (note) SELECT a.note FROM customers a, (SELECT id FROM customers LIMIT 240) b;
