CREATE TABLE base (
  id BIGINT,
  name STRING NOT NULL,
  d STRING,
  ts TIMESTAMP(3),
  twice AS id * 2,
  ev TIMESTAMP_LTZ(3) METADATA FROM 'timestamp',
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND,
  PRIMARY KEY (id) NOT ENFORCED
) COMMENT 'the base' PARTITIONED BY (d) WITH ('connector' = 'kafka', 'topic' = 'a') CREATE TABLE base (
  id BIGINT,
  name STRING NOT NULL,
  d STRING,
  ts TIMESTAMP(3),
  twice AS id * 2,
  ev TIMESTAMP_LTZ(3) METADATA FROM 'timestamp',
  WATERMARK FOR ts AS  'a'  - INTERVAL '5' SECOND,
  PRIMARY KEY (id) NOT ENFORCED
) COMMENT 'the base' PARTITIONED BY (d) WITH ('connector' = 'kafka', 'topic' = 'a') ;

CREATE TABLE t (name AS 'x') LIKE base (OVERWRITING GENERATED)
