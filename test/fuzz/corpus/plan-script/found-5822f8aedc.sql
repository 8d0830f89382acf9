 SELECT id ;
  ROLLUP (id, s) ;

SELECT id FROM l WHERE id IN (SELECT k FROM  l  UNION ALL SELECT  GROUP  't' = '1 d' )
