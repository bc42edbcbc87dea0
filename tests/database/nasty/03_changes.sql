-- The same by way of changes, which leave their marks in the texts of a server.

ALTER TABLE makers
  ADD COLUMN parent INT UNSIGNED NULL AFTER id,
  MODIFY state ENUM('on', 'paused', 'off', ')', '') COLLATE utf8mb4_bin DEFAULT ')',
  ADD KEY by_parent (parent),
  ADD CONSTRAINT of_parent FOREIGN KEY (parent) REFERENCES makers (id) ON DELETE SET NULL,
  DROP KEY `order`,
  ADD KEY newest (founded DESC, code);

ALTER TABLE things DEFAULT CHARACTER SET latin1 COLLATE latin1_german2_ci;

ALTER TABLE things ADD COLUMN remark VARCHAR(30) NOT NULL DEFAULT 'ä' FIRST, DROP COLUMN size;

ALTER TABLE things RENAME COLUMN label TO labelled, ADD CONSTRAINT dated CHECK (made > '1999-12-31');

ALTER TABLE `log of ``all``` CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE links (
  from_maker INT UNSIGNED NOT NULL, from_number SMALLINT UNSIGNED NOT NULL,
  to_maker INT UNSIGNED NOT NULL, to_number SMALLINT UNSIGNED NOT NULL,
  PRIMARY KEY (from_maker, from_number, to_maker, to_number),
  KEY backwards (to_maker, to_number),
  CONSTRAINT forth FOREIGN KEY (from_maker, from_number) REFERENCES things (maker, number) ON DELETE CASCADE,
  CONSTRAINT back FOREIGN KEY (to_maker, to_number) REFERENCES things (maker, number) ON UPDATE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

DROP VIEW cheap;

CREATE ALGORITHM = UNDEFINED VIEW cheap AS SELECT maker, number, price, hidden FROM things WHERE price < 20;

UPDATE makers SET parent = 1 WHERE code = 'nippon';
