CREATE TABLE settings (name VARCHAR(50) NOT NULL PRIMARY KEY, value TEXT NULL);
INSERT INTO settings VALUES ('colour', 'green');
