 SELECT ARRAY[1]  ]  ( 1 [1], ) ;

SELECT a, b FROM t GROUP BY ROLLUP  v 
