 FROM s ;

SELECT '[' || TRIM(s) || ']', '[' || TRIM(BOTH FROM  PARTITION BY k ) || ,  ']', '[' ||  o (LEADING FROM s) || ']', '[' || TRIM(TRAILING FROM s) || ']'  t  PARTITION BY k  
