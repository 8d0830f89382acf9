 FULL JOIN ;
 PARTITION (d = 'y',  1.2 ) ;
 TABLE t  FOR  B   HAVING  (k STRING, v INT) WITH  ts ;
 WITH ('connector' = 'redis',  NULL  = 'r', );
CREATE TABLE files (item INT, name STRING)  SELECT JSON_QUERY('{"a":1,"b":2,"c":3}', '$[''a'',''c'']') ;   WITH  ts   PARTITION (, h = 1)   
