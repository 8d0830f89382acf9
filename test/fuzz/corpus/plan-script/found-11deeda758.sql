CREATE TABLE t (k , v INT '5' , ts TIMESTAMP(3 BYTES ), WATERMARK FOR ts AS ts - INTERVAL '2' SECOND);

 CREATE TABLE orders (
  `user` BIGINT NOT NULL,
  product VARCHAR(32),
  amount INT,
  ts TIMESTAMP(3),
  ptime AS -  PROCTIME(),
  PRIMARY KEY (`user`) NOT ENFORCED,
  WATERMARK FOR ts AS  X'02' 
) WITH ('connector' = 'datagen') 
