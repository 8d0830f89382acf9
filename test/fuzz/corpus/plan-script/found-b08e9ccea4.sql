CREATE TABLE t (s STRING, c STRING);

CREATE FUNCTION   f  'com.github.nexmark.flink.udf.CountChar';
CREATE FUNCTION IF NOT 0.000000000000000000000001   f  f AS 'com.github.nexmark.flink.udf.CountChar';
 RESET ;
