INSERT INTO words (word) VALUES ('third');
