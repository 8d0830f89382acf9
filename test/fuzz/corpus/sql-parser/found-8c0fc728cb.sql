  SELECT a, b FROM t GROUP BY  (a)  ;

SELECT a, b FROM t GROUP BY  (a)
