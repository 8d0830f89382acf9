CREATE TABLE t (i INT, j INT, s STRING, b  INT ) CREATE MATERIALIZED TABLE sales (PRIMARY KEY (store, window_end) NOT ENFORCED)
WITH ('ttl' = '1 h') FRESHNESS = INTERVAL '30' SECOND REFRESH_MODE = CONTINUOUS AS
SELECT store, window_start, window_end j , SUM( 1 ) AS total, COUNT(*) AS n
FROM TABLE(HOP(TABLE orders,  c1 (ts), INTERVAL '1' MINUTE, INTERVAL '30' MINUTES))
GROUP BY store, window_start, window_end CREATE MATERIALIZED TABLE sales (PRIMARY KEY (store, window_end) NOT ENFORCED)
 AS
SELECT store, window_start, window_end, SUM(amount) AS total, COUNT(*) AS n
FROM TABLE(HOP(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '30' MINUTES))
GROUP BY store, window_start, window_end  ;

 
