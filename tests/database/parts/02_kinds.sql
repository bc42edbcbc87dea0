CREATE TABLE kinds (
  id INT NOT NULL PRIMARY KEY,
  word VARCHAR(20) NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

INSERT INTO kinds (id, word) VALUES (1, 'retail'), (2, 'whole');
