  $
  LIKE 'a%' ESCAPE '!'   ;

SELECT id  $  OFFSET 
