CREATE TABLE orders (
  `user` BIGINT NOT NULL,
  product VARCHAR(32),
  amount INT,
  ts TIMESTAMP(3),
  ptime AS PROCTIME(),
  PRIMARY KEY (`user`) NOT ENFORCED,
  WATERMARK FOR ts AS ts - INTERVAL '1' SECONDS
);
CREATE CATALOG cat_comment COMMENT 'hello ''catalog''' WITH ('type'='generic_in_memory', 'default-database'='db');
DESCRIBE CATALOG cat_comment;
DESC CATALOG EXTENDED cat_comment;
