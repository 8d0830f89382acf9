CREATE TABLE orders (id INT, item INT, n INT, p AS PROCTIME());
;
CREATE TABLE tags (item INT, tag STRING);

SELECT id FROM orders AS o LEFT JOIN items FOR SYSTEM_TIME AS OF  LIKE t (EXCLUDING ALL) .p AS i ON   'a😀b'   WHERE 
