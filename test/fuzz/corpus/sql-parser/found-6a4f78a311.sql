  WITH ( y  = 'datagen');

 ts TO YEAR ;
 ;
ALTER TABLE orders MODIFY (WATERMARK FOR ts AS ts - INTERVAL '1' MINUTE, ts TIMESTAMP(3)  NULL  NULL AFTER trade_order_id, ;  `user` STRING);
 AS SELECT   3  ;
