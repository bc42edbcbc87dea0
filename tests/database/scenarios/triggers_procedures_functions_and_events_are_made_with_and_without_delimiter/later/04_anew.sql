DROP PROCEDURE count_to;
CREATE PROCEDURE count_to(IN last INT)
  BEGIN
    DECLARE n INT DEFAULT 1;
    WHILE n <= last DO INSERT INTO words (word) VALUES (n); SET n = n + 1; END WHILE;
  END;
DROP EVENT tidy_up;
DROP TRIGGER customers_before_insert;
