  ;

SELECT c + 2 * 3, (c + 2) * 3,  DESCRIPTOR(ts) 
