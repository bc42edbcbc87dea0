ALTER TABLE orders
  ADD COLUMN due DATE NOT NULL DEFAULT '2025-01-01',
  DROP COLUMN note,
  ADD COLUMN remark VARCHAR(60) NULL COMMENT 'it''s `new`, really' AFTER amount;

DROP TRIGGER orders_note;

CREATE TRIGGER orders_remark BEFORE INSERT ON orders FOR EACH ROW SET NEW.remark = COALESCE(NEW.remark, 'none');
