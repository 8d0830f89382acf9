   '25:00'    ;
SELECT id, x FROM s CROSS JOIN (s.r JOIN (s.r  AS (PARTITION B» id  WHERE rn = 1  BY ts) .a)   AS (PARTITION B» id  WHERE rn = 1  BY ts) .a) AS  t (x)
