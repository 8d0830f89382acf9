  SELECT a.v, b /* c */  IS NOT DISTINCT FROM id AS b, c.id AS c FROM a  c  JOIN (b JOIN c ON  b ) ON b.aid = a.id  ;
