-- schemagate: compatible-with 01_customers
CREATE TABLE orders (id INT NOT NULL PRIMARY KEY);
