CREATE TABLE customers (id INT NOT NULL PRIMARY KEY, name VARCHAR(30) NOT NULL);
CREATE TABLE seen (
  after_file INT NOT NULL PRIMARY KEY,
  mode VARCHAR(500) NULL,
  keys_checked INT NULL,
  unique_checked INT NULL,
  variable VARCHAR(50) NULL,
  isolation VARCHAR(50) NULL,
  committed INT NULL,
  increments INT NULL,
  safe INT NULL
);
