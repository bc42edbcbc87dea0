CREATE TABLE order_lines (
  order_id INT NOT NULL,
  line_no INT NOT NULL,
  price DECIMAL(10, 2) NOT NULL,
  KEY by_order (order_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

ALTER TABLE order_lines ADD PRIMARY KEY (order_id, line_no);

ALTER TABLE order_lines
  ADD CONSTRAINT fk_lines_order FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE CASCADE;

CREATE OR REPLACE VIEW order_totals AS
SELECT o.customer_id, SUM(o.amount) AS total, COUNT(*) AS orders FROM orders o GROUP BY o.customer_id;
