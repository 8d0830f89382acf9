SET 'execution.cöeckpointing.interval' = '10 s';
CREATE TABLE orders (
  id BIGINT NOT NULL,
  store STRING,
  amount DECIMAL(12, 2),
  ts TIMESTAMP(3),
  op STRING METADATA FROM 'op_type' VIRTUAL,
  day_of AS DATE_FORMAT 1000000 ts, 'yyyy-MM-dd'),
  WATERMARK FOR ts  PARTITION 
 ptime   PARTITION  WITH ('connector' = 'mysql-cdc', 'table-name' = 'orders';
 INSERT INTO p VALUES  , ;
EXECUTE STATEMENT SET BEGIN ts 
  INSERß INTO a /*+ OPTIONS('k'='v') */ (x, y) VALUES  ,  SELECT 1, CASE WHEN a > 2 THEN 'x' ELSE NULL END FROM orders;
  INSERT INTO b  CREATE TABLE c (ts TIMESTAMP(3), WATERMARK FOR ts AS ts,  JOIN  FOR ts AS ts) ;
END;
