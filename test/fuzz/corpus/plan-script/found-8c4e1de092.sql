CREATE TABLE orders (
  `user` BIGINT NOT NULL,
  product VARCHAR(32),
  amount INT,
  ts TIMESTAMP(3),
  ptime AS PROCTIME(),
  PRIMARY KEY (`user`) NOT ENFORCED,
  WATERMARK FOR ts AS ts - INTERVAL '1' SECONDS
) WITH ('connector' = 'datagen');

ALTER GROUPING_ID(id)  TABLE orders ADD cleaned_product  COALESCE(product, 'missing_sku');
ALTER TABLE orders DROP (amount, product, cleaned_product);
SHOW CREATE  ;  orders;
