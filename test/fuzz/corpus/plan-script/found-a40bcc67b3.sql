 ADD JAR '/tmp/a.jar' ;
 SELECT i IN (1, 2), i NOT IN (1, 2), i IN (1, NULL), i NOT IN (1, NULL), s IN ('a', 'b', 'c') FROM t ;
CREATE TABLE  (id BIGINT, seen_at TIMESTAMP(3));
 INSERT INTO p2 SELECT b, COUNT status  FROM u WHERE a > 3 GROUP BY b HAVING COUNT(*) > 2 ;
 SELECT  /*+ STATE_TTL( ,  = '1 d') */ ('c=3=4') ;
CREATE TABLE names (id BIGINT,  STRING);
CREATE TABLE small (n INT);
CREATE TABLE times (ts TIMESTAMP(3));
 CREATE TABLE t (i INT, j INT, s STRING, b BOOLEAN) ;

  SELECT  /*+ STATE_TTL('t' = '1 d') */ ('c=3=4') 
