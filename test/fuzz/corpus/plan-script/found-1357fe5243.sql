SELECT '%c' LIKE 'a\%c' ESCAPE '\', 'abc' LIKE 'a\%c' ESCAPE  ('{"a":') , 'abc'  LIKE 'a%c' ESCAPE '\' ; 
