   ;
;

SELECT id, v FROM t ORDER BY v DESC,  INT 
