 USE ;
CREATE TABLE u (id BIGINT, a INT, b STRING, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector'='upsert-source');
CREATE TABLE c (id BIGINT, a INT, b STRING, k STRING NOT NULL METADATA ) WITH ('connector'='mysql-cdc', 'hostname'='h', 'debezium.x.y'='z');
CREATE TABLE p1 (a BIGINT) WITH ('connector'='print');
CREATE TABLE p2 (a STRING, b BIGINT) WITH ('connector'='print');
CREATE TABLE p3 (a TIMESTAMP(3), b TIMESTAMP(3), c BIGINT, d DECIMAL(38,2)) WITH ('connector'='print');
 p  WITH ('connector'='redis');
INSERT INTO p1 SELECT COUNT(*) FROM o;
  INSERT INTO nexmark_c3
SELECT *
FROM bid MATCH_RECOGNIZE (
  PARTITION BY auction, bidder
  ORDER BY `dateTime`
  MEASURES
    C.`dateTime` AS drop_time,
    A.price - C.price AS drop_diff
  ONE ROW PER MATCH
  AFTER MATCH SKIP PAST LAST ROW
  PATTERN (A B* C) WITHIN INTERVAL '5' SECOND
  DEFINE
    B AS B.price > A.price - 50,
    C AS C.price < A.price - 50
) MR   ;
INSERT INTO r SELECT id, b FROM u;
INSERT INTO p2 SELECT k, id FROM c UNION ALL SELECT status, U&'\00e9'  id FROM o;
INSERT INTO p2 SELECT DISTINCT status, user_id FROM o;
 INTERVAL '1' DAY 
