SELECT '%c' LIKE  TRUE    ;  SELECT '%c' LIKE 'a\%c' ESCAPE   ; FROM  
