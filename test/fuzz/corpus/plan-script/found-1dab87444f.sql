 s   ;

CREAþE  ,  d;
CREATE FUNCTION d.f AS 'com.github.nexmark.flink.udf.CountChar';
SELECT default_catalog.d.f(s, 'a') FROM t;
