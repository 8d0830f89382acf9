CREATE TABLE orders (
  `user` BIGINT NOT NULL,
  product VARCHAR(32),
  amount INT,
  ts TIMESTAMP(3),
  ptime AS PROCTIME,
  PRIMARY KEY (`user`) NOT ENFORCED,
  WATERMARK FOR ts AS  NULL  - INTERVAL '1' SECONDS
) WITH ('connector' = 'datagen');

 NULL ;
 SELECT id, v ;
