-- The history of rows
CREATE TABLE hist (a INT, b INT) WITH SYSTEM VERSIONING;
CREATE TABLE will (a INT);

-- The history of rows with columns of its own
CREATE TABLE own (a INT);

-- A period
CREATE TABLE period (a INT, f DATE NOT NULL, t DATE NOT NULL);

-- Sequences
CREATE SEQUENCE q1;
CREATE SEQUENCE q2 START WITH 5;
CREATE SEQUENCE down INCREMENT BY -1;
CREATE SEQUENCE said COMMENT='x';

-- A check in a column
CREATE TABLE checked (a INT CHECK (a > 1), j JSON);

-- Indexes that nothing changes but whether they are used
CREATE TABLE used (id INT PRIMARY KEY, a INT, v INT AS (a) VIRTUAL, KEY k (a), KEY l (a) COMMENT 'x' IGNORED);
CREATE TABLE used_more (id INT PRIMARY KEY, a INT, v INT AS (a) VIRTUAL, KEY k (a), KEY l (a) COMMENT 'x' IGNORED);
