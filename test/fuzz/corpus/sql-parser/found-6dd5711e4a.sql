 TABLE orders (
  `user` BIGINT NOT NULL,
  product VARCHAR(32),
  amount INT,
  ts TIMESTAMP(3),
  ptime  FOR ts  AS UPPER(c) || '!'   WITH ('connector' = 'datagen');

CREATE TABLE t (a INT);
 ;
SHOW  TABLE t;
ALTER TABLE t MODIFY DISTRIBUTION BY (a) INTO 2  (SELECT MAX( r.f ) FROM t) ;   ;
ALTER TABLE t DROP DISTRIBUTION;
SHOW PRIMARY  CREATE TABLE t;
