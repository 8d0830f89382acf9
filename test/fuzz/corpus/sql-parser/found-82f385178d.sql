;
CREATE TABLE )  p (what STRING, k STRING, v  FROM );
EXECUTE STATEMENT SET BEGIN
INSERT INTO p SELECT 'minute', k, SUM(v) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts),  TIMESTAMP  '1' MINUTE 'parallelism.default' ))   /*+ OPTIONS('a' = 'b') */ ;
  CREATE TABLE )  p (what STRING, k STRING, v  FROM )  ;
INSERT INTO p SELECT 'row', k, v FROM t;
END ('a') 
