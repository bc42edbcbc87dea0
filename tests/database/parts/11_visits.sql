CREATE TABLE visits (
  id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  customer_id INT NOT NULL,
  seen_at DATETIME(3) NOT NULL,
  UNIQUE KEY uq_visit (customer_id, seen_at),
  CONSTRAINT fk_visits_customer FOREIGN KEY (customer_id) REFERENCES customers (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

INSERT INTO visits (customer_id, seen_at) SELECT id, '2025-01-02 03:04:05' FROM customers;

ALTER TABLE customers
  ADD COLUMN last_visit DATE NULL FIRST,
  ADD COLUMN born_in INT NULL AFTER born;
