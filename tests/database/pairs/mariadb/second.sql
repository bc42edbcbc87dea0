-- The history of rows
CREATE TABLE hist (a BIGINT, c INT) WITH SYSTEM VERSIONING;
CREATE TABLE will (a INT) WITH SYSTEM VERSIONING;

-- The history of rows with columns of its own
CREATE TABLE own (a INT, s TIMESTAMP(6) GENERATED ALWAYS AS ROW START, e TIMESTAMP(6) GENERATED ALWAYS AS ROW END,
  PERIOD FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING;

-- A period
CREATE TABLE period (a INT, f DATE, t DATE,
  PERIOD FOR app (f, t), UNIQUE KEY u (a, app WITHOUT OVERLAPS));

-- Sequences
CREATE SEQUENCE q1 INCREMENT BY 3 MAXVALUE 1000 CYCLE;
CREATE SEQUENCE q3;
CREATE TABLE numbered (id INT DEFAULT (NEXT VALUE FOR q3));

-- A check in a column
CREATE TABLE checked (a INT CHECK (a > 2), j TEXT);

-- Indexes that nothing changes but whether they are used
CREATE TABLE used (id INT PRIMARY KEY, a INT, v INT AS (a) VIRTUAL, KEY k (a) IGNORED, KEY l (a) COMMENT 'x');
CREATE TABLE used_more (id INT PRIMARY KEY, a INT, v INT AS (a) STORED, KEY k (a) IGNORED, KEY l (a) COMMENT 'x');
