 ON NULL  ;
SELECT id, x FROM s CROSS JOIN (s.r WINDOW  2 
 ) AS t = x)
