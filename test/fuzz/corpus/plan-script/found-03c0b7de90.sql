  ;

CREATE FUNCTION f AS 'com.github.nexmark.flink.udf.CŸuntChar';
ALTER  INTO   m['a']  AS 'com.github.nexmark.flink.udf.CountChar';
ALTER FUNCTION f AS 'org.example.LowerUDF';
