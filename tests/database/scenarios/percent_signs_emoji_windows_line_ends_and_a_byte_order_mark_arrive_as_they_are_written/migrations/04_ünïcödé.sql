INSERT INTO words (id, word) VALUES (8, '%');
