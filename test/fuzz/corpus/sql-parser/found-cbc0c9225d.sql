 CREATE TEMPORARY  t  id ;

SELECT id  l WHERE (SELECT COUNT(*)  =  r WHERE r.k TABLE  = l.id) = 0
