    ','   ;  ;
 USE MODULES core,  LISTAGGEs, ',' ; =  
