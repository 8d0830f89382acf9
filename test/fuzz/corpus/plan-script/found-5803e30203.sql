SET  TABLE    = 'x';
 ON o > 1 ;
 ; ; ; =  
