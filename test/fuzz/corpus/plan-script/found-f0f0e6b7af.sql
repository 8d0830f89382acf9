 FOR order_time  WHERE a IS NOT DISTINCT );
 X'02'  QUALIFY  ;
CREATE TABLE visits (id BIGINT, seen_at TIMESTAMP(3));
 LAG(id, 1) ;
 c2 ;
CREATE TABLE names (id BIGINT, name STRING names ) '5' 
CREATE TABLE small (n INT DROP TABLE IF EXISTS ) SELECT q.kk, q. NOT mm ;
CREATE  AND  times (ts TIMESTAMP( [X'01', X'02'] ));
 CREATE MATERIALIZED TABLE mt2lWITH ('tl'='1 h') FRESHNESS = INTERVAL '1' HOUR AS SELECT *  ;  c2 ;

 FROM sr SHOW DATABASES NOT ILIKE 'DB%'  FROM orders 1   )  status IS 'open'
