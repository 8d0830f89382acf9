  ALTER TABLE orders ADD (user_email STRING NOT NULL AFTER `user`, cleaned_product AS COALESCE(product, 'missing_sku') AFTER product, trade_order_id BIGINT NOT NULL FIRST)  ;
 10  QUALIFY  ;
 CREATE VIEW v (j)  ;
 c2 ;
CREATE TABLE names (id BIGINT, name STRING) '5' 
CREATE TABLE  t  (n INT);
 CREATE TABLE r (id INT, w STRING) ;
 CREATE MATERIALIZED TABLE mt2 WITH ('tl'='1 h') FRESHNESS = INTERVAL '1' HOUR AS SELECT *  ;  c2 ;

 FROM sr SHOW DATABASES NOT ILIKE 'DB%'  FROM orders WHERE status IS 'open'
