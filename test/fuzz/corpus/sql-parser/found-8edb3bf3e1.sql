CREATE TABLE /  o (id INT, item INT, s  ( , ts TIMESTAMP(3),  'x'  AS PROCTIME( m['a'] ,  item INT  FOR ts AS ts);
CREATE  =  items (item INT, name STRING, PRIMARY KEY  DATABASES ;
 SELECT  U&'\00e9' [ARRAY[1], 'x'][ARRAY ;
CREATE TABLE r (k STRING, v  QUALIFY )  WHERE a = s ;
;
CREATE TABLE files (item INT, name STRING) WITH ('connector' = 'filesystem', 'path' = 'items', 'format' = 'json', 'lookup.cache' =  [ARRAY );

SELECT /*+ LOOKUP('table'='i', 'async'= JSON_VALUE(s, '$.a') 'true', 'capacity'='0') */ id, WHERE rn = 1  name  o JOIN items FOR SYSTEM_TIME AS OF o.p AS i ON 
