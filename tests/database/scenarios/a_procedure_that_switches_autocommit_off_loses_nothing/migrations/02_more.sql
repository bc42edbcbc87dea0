INSERT INTO customers VALUES (3);
