 SELECT '%c' ;

  SELECT '%c' LIKE 'a\%c' ESCAPE '\', 'abc' LIKE 'a\%c' ESCAPE '\', 'abc'  LIKE 'a%c' ESCAPE '\'  
