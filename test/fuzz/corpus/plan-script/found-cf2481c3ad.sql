  JOIN r  FROM l AS a JOIN r AS b  ''  ;  b.id ;

SELECT CASE i WHEN 1 THEN 'one' WHEN 2 THEN 'two' ELSE 'many' END, CASE  'b'  WHEN NULL THEN 'null' WHEN 'a' THEN 'A' END FROM t
