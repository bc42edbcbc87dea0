ALTER TABLE customers ADD COLUMN email VARCHAR(200) NULL;
INSERT INTO customers VALUES (1, 'ada@example.org');
