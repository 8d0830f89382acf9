 ROLLUP (id, s) ;
SELECT id, x FROM s CROSS JOIN VALUES (1, 'a'), (2,  3 )  UNNEST AS  x (x)
