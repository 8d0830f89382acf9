;

 SELECT ARRAY_SLICE(ARRAY[1, 2, 3, 4, 5], 4, 2),
       ARRAY_SLICE(ARRAY[1, 2, 3, 4, 5], 7, 9),
       ARRAY_SLICE(ARRAY[1, 2, 3, 4, 5], 2, 0),
       ARRAY_SLICE( 5 , 1, -9) 
