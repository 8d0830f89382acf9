 USE CATALOG default_catlog  USE ;

SELECT v, SUM( v ) OVER (PARTITION BY MOD WHERE rn <= 3  ,  ORDER BY ts) FROM t
