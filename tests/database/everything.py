"""A schema with every kind of object and clause that both flavours know, and rows in it; as migrations."""

from __future__ import annotations

TABLES = """
CREATE TABLE people (
  id INT NOT NULL AUTO_INCREMENT,
  email VARCHAR(100) NOT NULL,
  name VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL DEFAULT 'it''s, ) a `name`',
  born DATE NULL,
  city VARCHAR(50) NOT NULL DEFAULT 'Ünï',
  notes TEXT NULL COMMENT 'PRIMARY KEY (`id`)',
  boss_id INT NULL,
  score DECIMAL(10,2) NOT NULL DEFAULT 1.50,
  twice DECIMAL(11,2) AS (score * 2) STORED,
  initial VARCHAR(1) AS (LEFT(name, 1)) VIRTUAL,
  changed_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (id),
  UNIQUE KEY uq_email (email),
  UNIQUE KEY `odd ``name` (email, city),
  KEY idx_name (name(10), born),
  KEY idx_falling (born DESC, city),
  KEY idx_initial (initial),
  KEY idx_boss (boss_id),
  FULLTEXT KEY ft_notes (notes),
  CONSTRAINT fk_boss FOREIGN KEY (boss_id) REFERENCES people (id) ON DELETE SET NULL,
  CONSTRAINT chk_score CHECK (score >= 0),
  CONSTRAINT chk_name CHECK (name <> 'nobody, ) CHECK')
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci COMMENT = 'who; ) is here';

CREATE TABLE teams (
  code CHAR(3) NOT NULL,
  region CHAR(2) NOT NULL,
  leader_id INT NULL,
  settings JSON NULL,
  UNIQUE KEY uq_code (code),
  UNIQUE KEY uq_region (region, code),
  CONSTRAINT fk_leader FOREIGN KEY (leader_id) REFERENCES people (id) ON UPDATE CASCADE,
  CONSTRAINT chk_code CHECK (CHAR_LENGTH(code) = 3)
) ENGINE = InnoDB DEFAULT CHARACTER SET = ascii COLLATE = ascii_bin;

CREATE TABLE members (
  team CHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  person_id INT NOT NULL,
  since DATE NOT NULL DEFAULT '2020-02-02',
  place POINT NOT NULL,
  PRIMARY KEY (team, person_id),
  SPATIAL KEY sp_place (place),
  CONSTRAINT fk_team FOREIGN KEY (team) REFERENCES teams (code) ON DELETE CASCADE,
  CONSTRAINT fk_person FOREIGN KEY (person_id) REFERENCES people (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

CREATE TABLE hen (id INT NOT NULL PRIMARY KEY, egg_id INT NULL, KEY idx_egg (egg_id))
  ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
CREATE TABLE egg (id INT NOT NULL PRIMARY KEY, hen_id INT NULL,
  CONSTRAINT fk_hen FOREIGN KEY (hen_id) REFERENCES hen (id))
  ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
ALTER TABLE hen ADD CONSTRAINT fk_egg FOREIGN KEY (egg_id) REFERENCES egg (id);

CREATE TABLE visits (
  id INT NOT NULL, day DATE NOT NULL, note VARCHAR(20) NULL, PRIMARY KEY (id, day), KEY idx_day (day))
  ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci
  PARTITION BY RANGE COLUMNS (day) (
    PARTITION early VALUES LESS THAN ('2020-01-01'), PARTITION late VALUES LESS THAN (MAXVALUE));
"""
PROGRAMS = r"""
CREATE FUNCTION doubled (x INT) RETURNS INT DETERMINISTIC NO SQL COMMENT 'it''s' RETURN x * 2;
CREATE PROCEDURE promote (IN who INT, OUT ok INT)
BEGIN
  -- a comment; with a semicolon
  UPDATE people SET score = score + 1 WHERE id = who;
  SET ok = 1;
END;
CREATE VIEW z_adults AS SELECT id, name, doubled(id) AS d FROM people WHERE born < '2000-01-01';
CREATE ALGORITHM = MERGE SQL SECURITY INVOKER VIEW a_adults AS SELECT id, name FROM z_adults WHERE id > 0;
CREATE VIEW team_sizes (team, size) AS SELECT t.code, COUNT(m.person_id) FROM teams t LEFT JOIN members m
  ON m.team = t.code GROUP BY t.code;
CREATE TRIGGER t_second BEFORE INSERT ON people FOR EACH ROW SET NEW.score = NEW.score + 0;
CREATE TRIGGER t_first BEFORE INSERT ON people FOR EACH ROW PRECEDES t_second SET NEW.city = TRIM(NEW.city);
CREATE TRIGGER t_third BEFORE INSERT ON people FOR EACH ROW FOLLOWS t_second
BEGIN
  IF NEW.name = 'can\'t' THEN SET NEW.name = NULL; END IF;
END;
CREATE TRIGGER t_after AFTER UPDATE ON people FOR EACH ROW SET @changed = NEW.id;
CREATE TRIGGER m_check BEFORE INSERT ON members FOR EACH ROW SET @team = NEW.team;
CREATE EVENT tidy ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 03:00:00' DISABLE DO DELETE FROM visits WHERE id < 0;
"""
OTHER_SESSION = r"""
SET SESSION sql_mode = 'PIPES_AS_CONCAT', collation_connection = utf8mb4_bin;
CREATE PROCEDURE piped () SELECT 'a' || 'b';
CREATE TRIGGER e_piped BEFORE UPDATE ON egg FOR EACH ROW SET @said = 'é' || NEW.id;
CREATE VIEW v_piped AS SELECT 'a' || name AS said FROM people;
"""
ROWS = """
INSERT INTO people (id, email, name, born, boss_id, notes) VALUES
  (1, 'a@example.org', 'Ada', '1990-01-01', NULL, 'some words'), (2, 'b@example.org', 'Böb', NULL, 1, NULL),
  (3, 'c@example.org', NULL, '2005-05-05', 1, 'other words');
INSERT INTO teams VALUES ('abc', 'eu', 1, '{"a": 1}'), ('def', 'us', NULL, NULL);
INSERT INTO members VALUES ('abc', 1, '2021-01-01', ST_GeomFromText('POINT(1 2)')),
  ('def', 2, '2022-01-01', ST_GeomFromText('POINT(3 4)'));
INSERT INTO hen VALUES (1, NULL);
INSERT INTO egg VALUES (1, 1);
UPDATE hen SET egg_id = 1;
INSERT INTO visits VALUES (1, '2019-01-01', 'early'), (2, '2021-01-01', 'late');
"""
MYSQL = """
CREATE TABLE lately (id INT NOT NULL PRIMARY KEY, name VARCHAR(20) NULL, KEY idx_lower ((LOWER(name))),
  KEY idx_hidden (name) INVISIBLE, CONSTRAINT chk_off CHECK (id <> 7) NOT ENFORCED)
  ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_0900_ai_ci;
"""
MARIADB = """
CREATE SEQUENCE numbers START WITH 5 INCREMENT BY 3;
CREATE TABLE lately (id INT NOT NULL DEFAULT NEXTVAL(numbers) PRIMARY KEY, name VARCHAR(20) NULL,
  KEY idx_ignored (name) IGNORED, CHECK (id <> 7)) WITH SYSTEM VERSIONING
  ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
"""


def migrations(flavour: str) -> dict[str, str]:
    """The files by their names without `.sql`."""
    return {
        "01_tables": TABLES,
        "02_lately": MARIADB if flavour == "mariadb" else MYSQL,
        "03_programs": PROGRAMS,
        "04_other_session": OTHER_SESSION,
        "05_rows": ROWS,
    }
