DELIMITER //

CREATE TRIGGER customers_before_insert BEFORE INSERT ON customers FOR EACH ROW
BEGIN
  IF NEW.name <> '' THEN
    SET NEW.name = LOWER(NEW.name);
  END IF;
END //

CREATE PROCEDURE add_customer(IN new_name VARCHAR(100))
BEGIN
  INSERT INTO customers (name) VALUES (new_name);
END//

DELIMITER ;

CREATE FUNCTION twice(n INT) RETURNS INT DETERMINISTIC RETURN 2 * n;
