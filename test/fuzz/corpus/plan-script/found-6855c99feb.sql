CREATE TABLE orders (id  INSERT , item INT, n INT, p AS PROCTIME());
CREATE TABLE items (item INT, name   DROP CATALOG IF EXISTS nothing  > );
 GROUP BY a, b ;

SELECT id, tag FROM orders AS o LEFT JOIN tags FOR SYSTEM_TI}E AS OF o 0.000000000000000000000001 .p AS t ON o.item = t.item
