-- naïve
CREATE TABLE customers (id INT NOT NULL PRIMARY KEY);
