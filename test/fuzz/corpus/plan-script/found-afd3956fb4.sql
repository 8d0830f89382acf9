  s  WITH ('connector' = 'datagen');

ALTER TABLE orders ADD product_id BIGINT NOT NULL AFTER CROSS JOIN UNNEST(arr) AS u (x)  `user`;
SHOW CREATE TABLE orders;
