CREATE TABLE colours (id INT PRIMARY KEY, mixed_of INT);
