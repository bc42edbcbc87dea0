ALTER TABLE customers ADD COLUMN number INT NOT NULL DEFAULT 7, ADD KEY (number, id), ALGORITHM=COPY;
INSERT INTO customers (id, note) VALUES (10000000, 'last');
