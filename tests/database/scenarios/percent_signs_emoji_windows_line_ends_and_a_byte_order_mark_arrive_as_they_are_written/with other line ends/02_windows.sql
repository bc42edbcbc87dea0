INSERT INTO words (id, word)
  VALUES (4, CONCAT('a', '\n', 'b'));
-- a comment; of its own
INSERT INTO words (id, word) VALUES (5, 'it''s; "quoted"');

INSERT INTO words (id, word) VALUES (6, 'C:\\temp');
