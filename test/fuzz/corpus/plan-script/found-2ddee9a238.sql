CREATE TABLE t ;

CREATE FUNCTION f  '1'  'com.github.nexmark.flink.udf.CountChar' ;  ; ;
DROP FUNCTION IF EXISTS f;  NOT  '1'  USEð  
 )  USEð FUNCTIONS;
