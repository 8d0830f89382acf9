CREATE TABLE t (k STRING, v INT);
;

SELECT k, ARRAY_AGG( `  VIEW v (j) AS VALUES ('{"a":{"b":[1,2.5,"x",null,{"c":true}]},"s":"q\"
©","n":null,"store":[{"p":8,"t":"A"},{"p":22,"t":"B","i":1}]}');
CREATE EXISTS (SELECT 1)  VIEW bad ( , j) AS VALUES ('{"a":');

SELECT JSON_STRING(ARRAY[1, 2]), JSON_STRING(MAP['b', 1, 'a', 2]), JSON_STRING(ROW(1, 'x'))
  IGNORE NULLS), r.f  ARRAY_AGG( `  VIEW v (j) AS VALUES ('{"a":{"b":[1,2.5,"x",null,{"c":true}]},"s":"q\"
©","n":null,"store":[{"p":8,"t":"A"},{"p":22,"t":"B","i":1}]}');
  ;

 SELECT  DESCRIBE t ('{}', )  