  AS  TABLE t ADD ;

SELECT a, b, SUM(v) FROM t GROUP BY GROUPING SETS ((), (b ((), ()) )
