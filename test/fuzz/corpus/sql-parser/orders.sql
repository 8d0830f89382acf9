SET 'execution.checkpointing.interval' = '10 s';
CREATE TABLE orders (
  id BIGINT NOT NULL,
  store STRING,
  amount DECIMAL(12, 2),
  ts TIMESTAMP(3),
  op STRING METADATA FROM 'op_type' VIRTUAL,
  day_of AS DATE_FORMAT(ts, 'yyyy-MM-dd'),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND,
  PRIMARY KEY (id) NOT ENFORCED
) COMMENT 'payments' PARTITIONED BY (store) WITH ('connector' = 'mysql-cdc', 'table-name' = 'orders');
CREATE MATERIALIZED TABLE sales (PRIMARY KEY (store, window_end) NOT ENFORCED)
WITH ('ttl' = '1 h') FRESHNESS = INTERVAL '30' SECOND REFRESH_MODE = CONTINUOUS AS
SELECT store, window_start, window_end, SUM(amount) AS total, COUNT(*) AS n
FROM TABLE(HOP(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '30' MINUTES))
GROUP BY store, window_start, window_end;
EXECUTE STATEMENT SET BEGIN
  INSERT INTO a /*+ OPTIONS('k'='v') */ (x, y) SELECT 1, CASE WHEN a > 2 THEN 'x' ELSE NULL END FROM orders;
  INSERT INTO b VALUES (1, 'a'), (2, X'1F00');
END;
