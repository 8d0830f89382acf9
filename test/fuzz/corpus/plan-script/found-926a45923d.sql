SET  ;  =  ; ; SET 
