  SET 'a' = 'b' ;
  ;

BEGIN STATEMENT SET; SET 'a' = 'b'; 
END;
