 SELECT id, x ;
SELECT id, x FROM s CROSS JOIN UNNEST( ) a) AS t(x) 
