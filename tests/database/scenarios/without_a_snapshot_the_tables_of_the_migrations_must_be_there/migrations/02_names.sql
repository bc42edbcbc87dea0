DROP TABLE mistake;
RENAME TABLE customers TO buyers;
