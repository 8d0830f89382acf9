SELECT TYPEOF(ARRAY[1, 2][1),  ] (MAP['a', 1 )  ) 
