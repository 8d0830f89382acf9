;

SELECT a, b,  r   FROM  t GROUP BY GROUPING SETS ((a) (b))
