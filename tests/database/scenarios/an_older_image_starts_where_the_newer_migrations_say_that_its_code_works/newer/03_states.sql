-- Code that knows no `gone` never writes it.
-- schemagate: compatible-with 02_orders

ALTER TABLE customers MODIFY state ENUM('new', 'known', 'gone') NOT NULL DEFAULT 'new';
