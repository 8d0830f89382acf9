;

SELECT k, v FROM t QUALIFY  ts () OVER (PARTITION BY  IN ( FROM t   FROM t)   SELECT k, v ) < (&|^) = 2
