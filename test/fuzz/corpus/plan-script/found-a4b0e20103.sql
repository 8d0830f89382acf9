CREATE TABLE base (
  id BIGINT,
  name STRING NOT NULL,
  d STRING,
  ts TIMESTAMP(3),
  twice AS id * 2,
  ev TIMESTAMP_LTZ(3) METADATA FROM 'timestamp',
  WATERMARK FOR ts AS  - INTERVAL '5' SECOND,
  PRIMARY KEY (id) NOT ENFORCED
) COMMENT 'the base' PARTITIONED BY (d) WITH ('connector' = 'kafka', 'topic' = 'a');

CREATE TABLE t WITH ('connector' = 'print')  FOR  
CREATE TABLE x (a INT) ;
SHOW COLUMNS FROM t LIKE 'twice';
