  CREATE TABLE r (k INT, w INT)  ;

 CREATE TABLE t (s STRING, c STRING)

CREATE FUNCTION lower_it AS 'org.example.LowerUDF' LANGUAGE JAVA USING JAR  ,  CREATE TABLE t (s STRING, c  > )

CREATE FUNCTION lower_it AS 'org.example.LowerUDF' LANGUAGE JAVA USING JAR '/tmp/udf.jar'  
