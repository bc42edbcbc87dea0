INSERT INTO words (word) VALUES ('fourth');
