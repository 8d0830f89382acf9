  ORDER BY a  ;

   AS f, LAST(id)   ;
 SELECT TRIM(BOTH  'comment for catalog '  FROM s), TRIM(LEADING p FROM s), TRIM(TRAILING p FROM s) FROM VALUES (1,  A.id ), ( , ,  ( )  
