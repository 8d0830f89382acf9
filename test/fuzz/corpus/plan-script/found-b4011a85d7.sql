;

CREATE FUNCTION Count_Char AS 'com.github.nexmark.flink.udf.CountChar' LANGUAGE (s, ;
 ;
