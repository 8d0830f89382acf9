CREATE VIEW v (j) AS VALUESk('{"a":{"b":[1,2.5,"x",null,{"c":true}]},"s":"q\"é","n":null,"store":[{"p":8,"t":"A"},{"p":22,"t":"B","i":1}]}';
CREATE VIEW bad (j) AS VALUES ( j '{"a":');

SELECT JSON_VALUE(j '$.a' DEFAULT 'e' ON EMPTY DEFAULT 'r'  ),  j (j, 'lax $.a' DEFAULT DROP TABLE IF EXISTS   CROSS JOIN  ON EMPTY DEFAULT 'r' ON ERROR) FROM FROM  ON  v
