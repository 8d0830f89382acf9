 CREATE TABLE ;
;
 CAST(a AS DECIMAL(10, 2)) ;
INSERT INTO t SELECT TYPEOF(SUM(i)),   t  , TYPEOF(SUM( )  "vAS  v AS    v DESC   AS SELECT * FROM t  )  = 'b'; " INT v SUM    m['a'] )), TYPEOF(AVG(d)), TYPEOF(COUNT(*)) FROM v;
