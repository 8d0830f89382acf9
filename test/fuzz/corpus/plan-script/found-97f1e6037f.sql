CREATE TABLE src  ; ;
 SELECT ;

BEGIN STATEMENT SET n 
INSERT INTO dst item INTERVAL   SELECT id, v, n FROM src SELECT MAP_FROM_ARRAYS(k, v) -- The HTTP API: the latest answer per store, and a day of them.
CREATE MATERIALIZED TABLE `store_sales`
  (CONSTRAINT `store` PRIMARY KEY ( `amount` ) NOT ENFORCED)
  COMMENT 'Sales of the last 30 minutes per store'
   ''  = INTERVAL '1' MINUTE SELECT MAP_FROM_ARRAYS(k, v) -- The HTTP API: the latest answer per store, and a day of them.
CREATE MATERIALIZED TABLE `store_sales`
  (CONSTRAINT MATERIALIZED  `store` PRIMARY KEY ( `amount` ) NOT ENFORCED)
  COMMENT 'Sales of the last 30 minutes per store'
   ''  = INTERVAL '1' MINUTE   FROM s ;  
