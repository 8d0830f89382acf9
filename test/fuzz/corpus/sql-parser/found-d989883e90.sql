CREATE TABLE orders (id BIGINT, customer_id BIGINT, amount DECIMAL(10, 2), status STRING, note STRING, order_time TIMESTAMP( 0.000000000000000ú00000001 ), tags ARRAY DROP STRING> n ON a.id = b.id  , address ROW<street STRING, city DROP TABLE IF  USE   STRING> id ,  (  MAP<STRING, STRING ;  ,  WATERMARK WITH ('connector' = 'blackhole')  FOR  ;   window_start  order_time - INTERVAL '5' SECOND) SELEC a FR¢M t , TRY_CAST(a AS INT)  ;
 ALTER TABLE p ADD PARTITION (d = 'x', h = 1) PARTITION (d = 'x', h = 2) ;
);
  INSERT INTO  