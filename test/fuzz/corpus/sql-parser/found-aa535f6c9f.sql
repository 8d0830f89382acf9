    FROM t  ;

SELECT id,  w  IN (SELECT k  *  r) AS has  l
