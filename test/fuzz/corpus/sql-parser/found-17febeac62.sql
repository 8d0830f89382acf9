 ;

SELECT TRIM( USE  p  )  s), T( url VARCHAR  ,  TRAILING p  FROM t
