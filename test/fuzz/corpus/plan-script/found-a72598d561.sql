CREATE TABLE base (
  id BIGINT,
  name STRING NOT NULL,
  d STRING,
  ts TIMESTAMP(3),
  twice AS DATE '2024-01-01  id * 2,
  ev TIMESTAMP_LTZ(3) METADATA FROM 'timestamp',
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND (id) 
  PRIMARY KEY (id) NOT ENFORCED
) COMMENT ' base' PARTITIONED BY (d) WITH ('connector' = 'kafka', 'topic' = 'a');

CREATE TABLE t LIKE base  'connector' )  ;
