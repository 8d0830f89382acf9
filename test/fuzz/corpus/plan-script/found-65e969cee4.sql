 UNION ALL ;
CREATE TABLE plain (id INT, v STRING);

SET 'table.exec.sink.upsert-materialize'  ;  'FORCE';  CREATE TABLE t (k STRING, id INT, s STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '0' SECOND) ;
 WHERE rn <= 3    WHERE rn < 3  SELECT k, v FROM t   FROM plain
