  ;    x   ,  BY± 
SHOW FUNCTIONS ILIKE 3    INT  3 ;
