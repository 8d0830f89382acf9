SELECT ARRAY_JOIN(ARRAY[ (ARRAY [ (ARRAY [ (ARRAY [ (, '-' )  1, 2] , '-' )  1, 2] , '-' )  1, 2] , '-' )  1, 2], '-' )  LIMIT 3   
