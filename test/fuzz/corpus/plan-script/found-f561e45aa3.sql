   v INT   ;

SELECT TRIM(BOTH p  p  s ts , TRIM( AND  FROM  , ), TRIM(TRAILING p  p  s) FROM  USING 
