CREATE TABLE orders (id INT, item INT, n INT, p AS PROCTIME())
CREATE TABLE items (item INT, name STRING, price INT,  tags  KEY (item) NOT ENFORCED);
CREATE TABLE tags (item INT, tag STRING);

SELECT id, tag FROM  AS o JOIN tags FOR SYSTEM_TIME AS OF o.p AS t ON t. (  = 7
