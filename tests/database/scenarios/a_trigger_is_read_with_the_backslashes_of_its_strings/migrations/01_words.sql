CREATE TABLE words (word VARCHAR(20), kind VARCHAR(20));
CREATE TRIGGER words_kind BEFORE INSERT ON words FOR EACH ROW
  SET NEW.kind = IF(NEW.word REGEXP '^\\d', 'can\'t be', 'a\\');
