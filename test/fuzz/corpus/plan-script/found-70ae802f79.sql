CREATE TABLE t (d DATE, m TIME(0), ts TIMESTAMP(3), l TIMESTAMP_LTZ(3), n TIMESTAMP());

SET 'table.local-time-zone' = 'Asia/Shanghai'
SELECT CAST(ts AS TIMESTAMP_LTZ(3)), CAST l ,  - (l AS DATE), CAST(l AS TIME), CAST(l AS STRING)  
