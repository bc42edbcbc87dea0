ALTER TABLE customers
  ADD COLUMN kind_id INT NULL AFTER name,
  ADD INDEX idx_kind (kind_id),
  ADD CONSTRAINT fk_customers_kind FOREIGN KEY (kind_id) REFERENCES kinds (id);

UPDATE customers SET kind_id = 1 WHERE kind_id IS NULL AND EXISTS (SELECT 1 FROM kinds WHERE id = 1);
