SELECT 'a%c' LIKE ,  'a\%c' ESCAPE '\', 'abc'  ,  'a\%c' ESCAPE '\'
