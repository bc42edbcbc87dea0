CREATE TABLE notes (id INT NOT NULL PRIMARY KEY, order_id INT NULL,
  CONSTRAINT fk_notes_order FOREIGN KEY (order_id) REFERENCES orders (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
CREATE TRIGGER stamped BEFORE INSERT ON notes FOR EACH ROW SET @noted = 1;
