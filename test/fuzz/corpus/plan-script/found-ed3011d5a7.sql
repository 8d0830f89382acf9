CREATE VIEW v (j) AS VALUES ('{"a":{"b":[1,2.5,"x",null,{"c":true}]},"s":"q\"é","n":null,"store":[{"p":8,"t":"A"},{"p":22,"t":"B","i":1}]}');
CREATE VIEW bad (j) AS VALUES ('{"a":');

SELECT JSON_VALUE(j, 'lax $.zz' DEFAULT 'e' ON EMPTY DEFAULT 'r' ON ERROR), JSON_VALUE(j,  LOAD  DEFAULT 'e' ON EMPTY DEFAULT 'r' ON  EMPTY DEFAULT 'r' ) FROM v
