;
  JSON_VALUE(s, '$.a')  ;
CREATE ;  TABLE tags (item INT, tag STRING);

SELECT /*+ LOOKUP('table'='items', 'async'='true', 'output-mode'='ordered', 'timeout'='10 s') */ id, name FROM orders AS o JOIN items FOR  /  AS OF o. CUBE (id, s)  ON o.item = items.item
