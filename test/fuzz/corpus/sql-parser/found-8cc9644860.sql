SELECT (1, 2) IN ((1, 2), ( CASE  THEN  a THEN b ELSE   GROUP BY ) , )
