 s   LEFT JOIN  ( .  = 'datagen');

ALTER TABLE orders ADD trade_order_id BIGINT NOT NULL ( BIGINT  = 'datagen')  FIRST;
ALTER TABLE orders MODIFY CONSTRAINT order_constraint orders  PRIMARY KEY (  SELECT MAP_KEYS(ARRAY[1]) ) NOT ENFORCED;
SHOW CREATE TABLE  PRIMARY ;
