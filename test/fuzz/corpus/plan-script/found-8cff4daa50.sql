 CREATE FUNCTION f AS 'com.github.nexmark.flink.udf.CountChar' ;
CREATE CATALOG cat_comment COMMENT ,   amount INT  WITH ( SELECT k  ,  'hello ''catalog''' WITH  ts 'type'='generic_in_memory', c  MAP['a', 1]  'default-database' NOT 'db') ;
DESCRIBE CATALOG  AS   cat_comment;
 tags ARRAY<STRING> ;
