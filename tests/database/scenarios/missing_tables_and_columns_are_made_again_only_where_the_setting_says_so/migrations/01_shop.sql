CREATE TABLE customers (
  id INT NOT NULL PRIMARY KEY,
  email VARCHAR(100) NOT NULL,
  name VARCHAR(100) NULL,
  level INT NOT NULL DEFAULT 1,
  UNIQUE KEY uq_email (email),
  KEY idx_name (name),
  CONSTRAINT chk_level CHECK (level > 0)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
CREATE TABLE orders (
  id INT NOT NULL PRIMARY KEY,
  customer_id INT NOT NULL,
  state VARCHAR(10) NOT NULL,
  KEY idx_customer_id (customer_id),
  CONSTRAINT fk_orders_customer FOREIGN KEY (customer_id) REFERENCES customers (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
INSERT INTO customers (id, email, name) VALUES (1, 'a@example.org', 'Ada'), (2, 'b@example.org', 'Bob');
INSERT INTO orders VALUES (1, 1, 'new'), (2, 2, 'old');
