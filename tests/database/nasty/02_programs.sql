-- Programs, with strings and comments that try whoever cuts or compares them.

CREATE FUNCTION price_of(the_maker INT UNSIGNED, the_number SMALLINT UNSIGNED) RETURNS DECIMAL(12, 4)
  READS SQL DATA COMMENT 'it''s the price'
  RETURN (SELECT price FROM things WHERE maker = the_maker AND number = the_number);

CREATE PROCEDURE count_all(IN since DATE, OUT total BIGINT, INOUT note VARCHAR(100) CHARACTER SET utf8mb4)
  SQL SECURITY INVOKER
BEGIN
  DECLARE done INT DEFAULT 0; -- until there is no more; or so
  DECLARE one BIGINT DEFAULT 0;
  DECLARE rows_of CURSOR FOR SELECT many FROM `log of ``all``` WHERE day >= since;
  DECLARE CONTINUE HANDLER FOR NOT FOUND SET done = 1;
  SET total = 0;
  OPEN rows_of;
  reading: LOOP
    FETCH rows_of INTO one;
    IF done THEN
      LEAVE reading;
    END IF;
    SET total = total + one; # and so on;
  END LOOP;
  CLOSE rows_of;
  SET note = CONCAT(note, '; /* it''s */ -- ', total, CASE WHEN total > 1 THEN 's' ELSE '' END);
END;

CREATE TRIGGER makers_codes BEFORE INSERT ON makers FOR EACH ROW SET NEW.code = LOWER(NEW.code);

CREATE TRIGGER makers_first BEFORE INSERT ON makers FOR EACH ROW PRECEDES makers_codes
BEGIN
  IF NEW.name REGEXP '^\\s*$' THEN
    SET NEW.name = 'it\'s "nobody"; \\ really';
  END IF;
END;

CREATE TRIGGER things_counted AFTER INSERT ON things FOR EACH ROW
  INSERT INTO `log of ``all``` (day, what, many) VALUES (CURRENT_DATE, 'thing', 1)
  ON DUPLICATE KEY UPDATE many = many + 1;

CREATE VIEW titles (maker, title, gross) AS
  SELECT m.name, t.title, ROUND(t.gross, 2) FROM things t JOIN makers m ON m.id = t.maker
  WHERE t.price > 0 AND m.state <> 'off' AND JSON_EXTRACT(t.facts, '$.draft') IS NULL;

CREATE ALGORITHM = MERGE SQL SECURITY INVOKER VIEW cheap AS
  SELECT maker, number, price FROM things WHERE price < 10 WITH LOCAL CHECK OPTION;

CREATE VIEW a_view_on_views AS
  WITH RECURSIVE counting (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counting WHERE n < 5)
  SELECT n, (SELECT COUNT(*) FROM titles) AS titles, price_of(n, 1) AS price,
    ROW_NUMBER() OVER (ORDER BY n DESC) AS place, 'it''s \\ "so"' AS said
  FROM counting WHERE EXISTS (SELECT 1 FROM cheap);

CREATE EVENT tidying ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 03:00:00' ON COMPLETION PRESERVE DISABLE
  COMMENT 'do it; -- daily' DO
BEGIN
  DELETE FROM `log of ``all``` WHERE day < CURRENT_DATE - INTERVAL 1 YEAR; -- old ones
END;
