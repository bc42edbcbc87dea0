CREATE FUNCTION doubled (x INT) RETURNS INT DETERMINISTIC RETURN x * 2;
CREATE VIEW best AS SELECT id, doubled(level) AS twice FROM customers;
CREATE PROCEDURE promote (IN who INT) UPDATE customers SET level = level + 1 WHERE id = who;
CREATE TRIGGER second BEFORE INSERT ON orders FOR EACH ROW SET NEW.state = CONCAT(NEW.state, '2');
CREATE TRIGGER first BEFORE INSERT ON orders FOR EACH ROW PRECEDES second SET NEW.state = CONCAT(NEW.state, '1');
