 SELECT (id, r.x) IN ( r (1, 1), (2, 5)) FROM s ;

SELECT window_start, COUNT(*) FROM TABLE SET 'a' = 'b'; 
