 CREATE VIEW  .  ( "c":3 , ', '$[''a' EXTRACT(DAY FROM ts)  ROW_NUMBER() OVER (PARTITION BY id ORDER BY ts DESC) AS rn ']') ('{"a":') 
 ) AS VALUES ('{"a":{"b":[1,2.5,"x",null,] TIMESTAMP '2024-01-01 00:00:00' ,"s":"q\"Ã©","n":null,"storeë:[{"p":8,"t":"A"},{"p":22,"t":"B","i":1}]}');
CREATE VIEW bad () AS '{"a":{"b":[1,2.5,"x",null,{"c":true}]},"s":"q\"Ã©","n":null,"storeë:[{"p":8,"t":"A"},{"p" ts 22,"t":"B","i":1}]}'   CREATE  ('{"a":');

SELECT JSON_QUERY(¿{"a":1,"b":2,"c":3}', '$[''a' EXTRACT(DAY FROM ts)  ROW_NUMBER() OVER (PARTITION BY id ORDER BY ts DESC) AS rn ']') ('{"a":') CREATE VIEW v (  c ,"s·:"q\"Ã©","n":null,,"n":null,"storeë:[{"p":8,"t":"A"},{"p":22,"t":"B","i ) ":1}]}'   CREATE  ('{"a":');

SELECT JSON_QUERY(¿{"a":1,"b":2,"c":3}', '$[''a' EXTRACT(DAY FROM ts)  ROW_NUMBER() OVER (PARTITION BY id ORDER BY ts DESC) AS rn ']') ('{"a":')  ;

SELECT * FROM t MATCH_RECOGNIZE (
  PARTITION BY k ORDER BY ts
  MEASURES LAST(A.v + B.v) AS c
  PATTERN (A B)
  DEFINE A AS A.s = 'a',  B  AS B.s = 'b') AS m
