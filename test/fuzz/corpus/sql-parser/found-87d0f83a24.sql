  EXPLAIN PLAN FOR  FROM t ;
ALTER TEMPORARY FUNCTION f AS 'com.github.nexmark.flink.udf.CountChar' FUNCTION  AS ts   ;
