-- What both kinds of server can express, where their texts differ most: this is no schema that anybody should want.

CREATE TABLE makers (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT,
  name VARCHAR(190) NOT NULL COMMENT 'it''s the "name", in `ticks`; -- no comment, /* nor this */ AUTO_INCREMENT=7',
  code CHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  note TEXT CHARACTER SET latin1 COLLATE latin1_swedish_ci,
  token BINARY(4) NOT NULL DEFAULT X'00FF7F80',
  flags SET('new', 'it''s', 'a; b', 'ünï') NOT NULL DEFAULT 'new',
  state ENUM('on', 'off', ')', '') COLLATE utf8mb4_bin DEFAULT ')',
  founded YEAR DEFAULT NULL,
  seen TIMESTAMP(6) NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
  public_id VARCHAR(36) CHARACTER SET ascii COLLATE ascii_general_ci NOT NULL DEFAULT (UUID()),
  PRIMARY KEY (id),
  UNIQUE KEY by_code (code),
  KEY by_name (name(20), state),
  KEY `order` (founded DESC, id),
  FULLTEXT KEY words (name),
  CONSTRAINT named CHECK (name <> '' AND CHAR_LENGTH(code) > 1),
  CONSTRAINT `it's` CHECK (state IN ('on', 'off', ')') OR founded IS NULL)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci COMMENT = 'makers, with '' and "';

CREATE TABLE things (
  maker INT UNSIGNED NOT NULL,
  number SMALLINT(5) UNSIGNED ZEROFILL NOT NULL,
  facts JSON NOT NULL,
  title VARCHAR(80) GENERATED ALWAYS AS (JSON_UNQUOTE(JSON_EXTRACT(facts, '$.title'))) STORED,
  length_of_title INT GENERATED ALWAYS AS (CHAR_LENGTH(title)) VIRTUAL,
  price DECIMAL(12, 4) UNSIGNED NOT NULL DEFAULT 0.0000,
  gross DECIMAL(14, 4) AS (price * 1.19) VIRTUAL COMMENT 'computed',
  tags JSON DEFAULT (JSON_ARRAY('a', 'b')),
  place POINT NOT NULL,
  hidden TINYINT(1) NOT NULL DEFAULT 1 INVISIBLE,
  size DOUBLE DEFAULT 1.5,
  label VARCHAR(40) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci DEFAULT (CONCAT('a', '''', 'b')),
  bits BIT(5) DEFAULT b'10101',
  made DATETIME(3) NOT NULL DEFAULT '2000-01-01 00:00:00.000',
  PRIMARY KEY (maker, number),
  UNIQUE KEY titled (title),
  KEY by_length (length_of_title, price DESC),
  SPATIAL KEY placed (place),
  CONSTRAINT of_maker FOREIGN KEY (maker) REFERENCES makers (id) ON DELETE CASCADE ON UPDATE CASCADE,
  CONSTRAINT has_title CHECK (JSON_VALID(facts) AND price >= 0)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci ROW_FORMAT = DYNAMIC;

CREATE TABLE `log of ``all``` (
  day DATE NOT NULL,
  what VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_general_cs NOT NULL DEFAULT 'Grüße',
  many BIGINT NOT NULL DEFAULT 0,
  UNIQUE KEY once (day, what),
  KEY what (what(5))
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci
PARTITION BY RANGE (YEAR(day)) (
  PARTITION old VALUES LESS THAN (2000) COMMENT = 'before, (2000)',
  PARTITION later VALUES LESS THAN MAXVALUE
);

INSERT INTO makers (name, code, note) VALUES ('Ünïcode & co.', 'uni-co', 'Grüße'), ('日本', 'nippon', NULL);
