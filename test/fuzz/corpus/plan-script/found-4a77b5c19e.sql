CREATE TABLE s (id INT, r DISTINCT  ROW<x INT,   LAG(id, 1) );
 SELECT .p, k, o FROM s  l  JOIN UNNEST(n.z) AS t (p )  LEFT  AS m) WITH ORDINALITY AS u (k,  , , o) ON o > 1 ;
;
SELECT  , (r AS ROW<a CAST(a AS  ts (10, 2 orders ))  BIGINT ;  SELECT t.p, k, o FROM s CROSS JOIN UNNEST(n.z) AS t (p) LECT JOIN UNNEST AS m) WITH ORDINALITY  CREATE TABLE f (a BIGINT, b STRING)   FROM c2  ;
SELECT x, COUNT(*)  COUNT(*) FROM s GROUP BY x;

