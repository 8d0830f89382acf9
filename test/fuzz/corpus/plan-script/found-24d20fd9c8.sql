SELECT MAP_UNION( 4 , MAP['b', 3, 'c', 4])
