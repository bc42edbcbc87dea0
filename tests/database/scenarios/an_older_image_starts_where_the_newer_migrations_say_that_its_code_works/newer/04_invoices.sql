-- schemagate: compatible-with 01_customers
CREATE TABLE invoices (id INT NOT NULL PRIMARY KEY)
  ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
ALTER TABLE orders ADD COLUMN paid BOOLEAN NOT NULL DEFAULT FALSE;
