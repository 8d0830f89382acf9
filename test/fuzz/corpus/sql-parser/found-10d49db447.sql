   ;

 IN (SELECT id FROM t) ;
SELECT  1 , k,  3   GROUP BY GROUPING SETS ((window_start, window_end, k) FROM , (window_start, )dow_end)) SELECT id FROM t ORDER  v  v OFFSET 2 
