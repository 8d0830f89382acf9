CREATE TABLE base (
  id BIGINT,
  name STRING NOT NULL,
  d STRING,
  ts TIMESTAMP(3),
   a  AS id * 2,
  ev TIMESTAMP_LTZ(3) METADATA FROM RIGHT JOIN  'timestamp',
   email  FOR ts  AS INT  
) COMMENT 'the base' PARTITIONED BY (d WITH  id * 2 );

 JOIN  'timestamp',
   email  ;
SHOW COLUMNS FROM t LIKE 'ev';
