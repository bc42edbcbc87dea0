CREATE TABLE moving (id INT NOT NULL PRIMARY KEY) ENGINE = InnoDB;

ALTER TABLE orders
  ADD COLUMN state ENUM('open', 'paid') NOT NULL DEFAULT 'open' AFTER customer_id,
  ADD COLUMN paid_on DATE NULL;

DROP TABLE moving;

ALTER TABLE orders MODIFY COLUMN state ENUM('open', 'paid', 'sent') NOT NULL DEFAULT 'open';
