SELECT ARRAY[ROW( ROW 1 2  *  ), ROW(2 ) ] /* c */ 
