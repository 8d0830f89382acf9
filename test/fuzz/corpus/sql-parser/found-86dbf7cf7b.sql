 JOIN ;
  id > 0  ;
 AS TIMESTAMP(9) ;
  COUNT(*)     FOR since AS since) ;
 E  TABLE names  INT ;
CREATE TABLE small (n INT);
CREATE TABLE times (ts TIMESTAMP(3) WITH ('connector' = 'blackhole') ;
 FROM i ;

SELET id STRING  FROM orders
