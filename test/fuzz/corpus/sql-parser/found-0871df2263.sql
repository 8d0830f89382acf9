 DESC CATALOG EXTENDED cat2 ;

 SELECT * FROM t MATCH_RECOGNIZE (
  PARTITION BY k ORDER BY ts
  MEASURES FIRST() AS f, LAST(id) AS l
  PATTERN (PERMUTE(A, B))
  DEFINE A AS A.s = 'a', B AS B.s = 'b') AS m  ;
CREATE VIEW w2 AS  w2  MAX(n) AS m window_time AS wt FROM w1 GROUP BY window_start, window_end, window_time;
SELECT window_start,  (wt) , SUM(m)  0.000000000000000000000001  
