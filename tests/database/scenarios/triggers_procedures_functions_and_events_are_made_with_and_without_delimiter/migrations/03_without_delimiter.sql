CREATE TRIGGER customers_after_insert AFTER INSERT ON customers FOR EACH ROW
BEGIN
  -- a word; with END; in a comment
  INSERT INTO words (word) VALUES (CONCAT('welcome; ', NEW.name));
END;

CREATE PROCEDURE count_to(IN last INT)
BEGIN
  DECLARE n INT DEFAULT 1;
  counting: LOOP
    IF n > last THEN LEAVE counting; END IF;
    BEGIN
      INSERT INTO words (word) VALUES (CASE WHEN n > 0 THEN n ELSE 'never' END);
    END;
    SET n = n + 1;
  END LOOP counting;
END;

CREATE VIEW greetings AS SELECT CONCAT('hello; ', name) AS hello FROM customers;

CREATE EVENT tidy_up ON SCHEDULE EVERY 1 DAY STARTS '2035-01-01 00:00:00' DO
BEGIN
  DELETE FROM words WHERE word = '';
  DELETE FROM customers WHERE name = '';
END;

DO 0;
