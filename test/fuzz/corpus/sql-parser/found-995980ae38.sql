      ;

 ;
DESCRIBE CATALOG FULL   3  ;
 ;
