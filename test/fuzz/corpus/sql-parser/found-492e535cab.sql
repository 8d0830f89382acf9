  arr  ;

SELECT window_start, window_end, COUNT(*), SUM(n) FROM (SELECT k, window_start, window_end, COUNT(*) AS n FROM TABLE(SESSION(TABLE t PARTITION BY k, CARDINALITY(arr)   ) (ts), INTERVAL '5'  SECOND )) ) GROUP BY window_start, window_end
