CREATE TABLE orders (id INT, item INT, n INT, p AS PROCTIME());
CREATE TABLE items ( INT, name STRING, price INT, PRIMARY KEY (item) NOT ENFORCED);
CREATE TABLE tags (item INT, tag STRING);

SELECT id LIMIT 3 , name, tag FROM orders AS o CREATE  JOIN  FOR  rn  AS OF o.p AS i ON o.item = i.item LEFT JOIN tags FOR SYSTEM_TIME AS  o.p AS t ON i.item = t.item
