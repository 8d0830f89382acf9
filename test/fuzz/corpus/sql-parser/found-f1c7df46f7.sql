CREATE TABLE t (k STRING, id INT, s  B , v INT, ts TIMESTAMP(3  CREATE  ), p  ARRAY_AGG(id BY `dateTime` )  FOR ts AS ts);

SELECT * FROM t MATCH_RECOGNIZE (
  PARTITION BY k ORDER BY ts
  MEASURES FIRST(id) AS f, LAST(id) AS l
  PATTERN ( id )
  SUBSET CREATE TABLE t (k STRING, id INT, s  B , v INT, ts TIMESTAMP(3 total_auctions ), p  ARRAY_AGG(id BY `dateTime` )  FOR ts AS ts)   PARTITIONED BY (id)  = (A, B)
  DEFINE A AS A.s = , B AS B.s = 'b') AS z
