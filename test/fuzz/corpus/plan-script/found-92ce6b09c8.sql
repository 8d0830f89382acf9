  SELECT k, LAG(v)   ;

 ) 
