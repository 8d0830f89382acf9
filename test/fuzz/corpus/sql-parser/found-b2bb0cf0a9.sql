  SELECT ROUND(123., i) ;

  'x' [, 2 ;  1 ]   ;
SELECT id FROM v /*+ OPTIONS( ( DATABASE , j)  =  '' ) */;
