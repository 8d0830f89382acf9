SELECT ARRAY_DISTINCT(ARRAY[ROW(1, 'a'), ROW( ) , 'a'), ROW(1, 'b')])
