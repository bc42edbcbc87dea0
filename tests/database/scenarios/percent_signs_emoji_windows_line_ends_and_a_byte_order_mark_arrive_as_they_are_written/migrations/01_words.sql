-- 100% of this: %s %d %(name)s 🎈
CREATE TABLE words (
  id INT NOT NULL PRIMARY KEY,
  word VARCHAR(100) CHARACTER SET utf8mb4 NOT NULL COMMENT '100% 🎈; %s',
  `10% ☃` DECIMAL(5,2) NOT NULL DEFAULT 1.5
) DEFAULT CHARACTER SET = utf8mb4 COMMENT = '%(x)s';
INSERT INTO words (id, word) VALUES (1, '100%');
INSERT INTO words (id, word) VALUES (2, '%s %(x)s %d %%'), (9, 'x');
DELETE FROM words WHERE word LIKE '%x' AND id % 2 = 1;
INSERT INTO words (id, word) VALUES (3, '🚀 Zoë');
UPDATE words SET word = CONCAT(word, '') WHERE word LIKE '🚀%';
