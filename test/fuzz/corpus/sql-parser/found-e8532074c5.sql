 LIKE  )  ;

 )  SELECT ;
CREATE TEMPORARY SYSTEM   FROM t   FOR ts ;
 FUNCTIONS LIKE 'z%';
 ;    , (arr)   ; 
