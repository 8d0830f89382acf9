  CUBE (id, s)  ;

 s ;
CREATE  ,  d.f AS  ; ;
 SELECT (1, 2) IN (( CREATE  2) UNION ,  ;    IS NULL ) ,   FROM t;
