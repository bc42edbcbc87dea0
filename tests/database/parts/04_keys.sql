ALTER TABLE orders
  ADD CONSTRAINT fk_orders_customer FOREIGN KEY (customer_id) REFERENCES customers (id) ON DELETE SET NULL,
  ADD INDEX idx_amount (amount DESC);

ALTER TABLE customers
  ADD UNIQUE INDEX uq_mail (mail),
  ADD CONSTRAINT ck_score CHECK (score >= 0);
