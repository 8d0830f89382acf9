CREATE TABLE l (id INT, k STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts CREATE VIEW v AS ;
CREATE TABLE r (id INT, k STRING, ts  AS (3), WATERMARK FOR ts AS ts);

 AS 'com.github.nexmark.flink.udf.CountChar'  
