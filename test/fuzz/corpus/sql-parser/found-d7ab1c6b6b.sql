  SELECT window_start, window_end, COUNT(*), SUM(n) FROM (SELECT k, window_start, window_end, COUNT(*) AS n FROM TABLE(SESSION(TABLE t PARTITION BY k,  t (ts), INTERVAL '5' SECOND)) GROUP BY k, window_start, window_end) GROUP BY window_start, window_end  ;
 * ;
