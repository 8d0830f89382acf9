SET 'execution.cöeckpointing.interval' = '10 s';
 MEASURES FIRST(id)  PARTITIONED BY (store) WITH ('connector' = (2, X'1F00')  'mysql-cdc' ''  'table-name' = 'orders');
CREATE MATERIALIZED TABLE sales (PRIMARY KEY (store, window_end) NOT ENFORCED)
WITH  AS  FRESHNESS = INTERVAL '30' SECOND REFRESH_MODE = CONTINUOUS AS
SELECT store, window_start, '30'  window_end, SUM(amount) AS total, COUNT(*) AS n
FROM TABLE(HOP(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '30' MINUTES))
GROUP BY store, window_start, window_end;
  SELECT GREATEST( ('x') [  (ARRAY[ SET  = 'b'; GREATEST  ],   'b'   SET )  'a' = 'b'; GREATEST  ,  GREATEST  SET ) ;
  INSERT INTO b VALUES (1, 'a'), (2, X'1F00');
END;
