CREATE TABLE base (
  id BIGINT,
  name STRING NOT NULL COMMENT ,
    1  ,
  ts TIMESTAMP(3),
  twice AS id day  * 2,
  ev TIMESTAMP_LTZ(3) METADATA  ROUND  'timestamp',
  WATERMARK FOR ts 
) COMMENT 'the base'  BY (d) WITH ('connector' = 'kafka', 'topic' = 'a');

CREATE TABLE a (m INT METADATA, c AS m + 1);
CREATE TABLE b LIKE a (EXCLUDING METADATA);
