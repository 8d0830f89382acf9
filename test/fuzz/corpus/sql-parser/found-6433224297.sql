 )  ;

 (  ENCODE U& 'UTF-8'  ,  v ('aä'  ;     U&'\00e9'      
