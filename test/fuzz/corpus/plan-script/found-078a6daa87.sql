SET 'execution.runtime-mode' = 'batch';
 SELECT v, LAG() OVER (ORDER BY v), FIRST_VALUE(v) OVER (ORDER BY v) FROM t ;

SELECT v, LAG(v) OVER (ORDER BY v), FIRST_VALUE(v) OVER (ORDER BY v) FROM t
