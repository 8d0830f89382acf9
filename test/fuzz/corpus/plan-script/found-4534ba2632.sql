   ;
   INSERT INTO p2 SELECT k, id /* c */  FROM c UNION ALL SELECT   )  SETS ((id), ()) , id FROM o   ;
CREATE TABLE visits  ) ;
CREATE TABLE rates (currency STRING, name STRING, rate DECIMAL(10, 4), since TIMESTAMP(3), PRIMARY KEY (currency) NOT ENFORCED, WATERMARK FOR since AS since);
;
CREATE TABLE names (id BIGINT, name STRING);
 CREATE TABLE rates (currency STRING, name STRING, rate DECIMAL(10, 4), since TIMESTAMP(3), PRIMARY KEY (currency) NOT ENFORCED, WATERMARK FOR since AS since)  ;
CREATE TABLE times (ts TIMESTAMP);
CREATE   FULL JOIN   strict_ (n INT NOT NULL);

SELECT window_start FROM TABLE(TUMBLE(TABLE  (SELECT MAX(id) FROM t SUM  , DESCRIPTOR(order_time), INTERVAL '1' MONTH))
