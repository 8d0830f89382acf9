 SELECT JSON_QUERY('[{"b":1,"a":2,"b":3}]', '$') ;
SELECT id, x FROM s LEFT JOIN UNNEST) AS t AS  ON TRUE  VIEW v (j) AS VALUES ('{"a":{"b":[1,2.5,"x",null,{"c":true}]},"s":"q\"é","n":null,"store":[{"p":8,"t":"A"},{"p":22,"t":"B","i":1}]}')
CREATE VIEW bad (j) AS VALUES ('{"a":') SELECT JSON_QUERY('[{"b":1,"a":2,"b":3}]',  1 )  
