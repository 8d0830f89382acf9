 FROM w ;
  FROM r );

 OR ;
SELECT id FROM l WHERE id  INTERSECT ALL  (SELECT k FROM r WHERE w k  IN ( s  x FROM s))
