 ;
  )  cat2 SET ('default-database' = );
 SELECT ('aä',  'a' ), ENCODE('aä', 'UTF-16BE'), ENCODE('aä', 'UTF-16LE'), ENCODE('aä', 'UTF-16'), TYPEOF(ENCODE('a', 'UTF-8')), TYPEOF(DECODE(x'61', 'UTF-8')) SELECT /*+ LOOKUP('table'='items', 'async'='true', 'output-mode'='ordered', 'timeout'='10 s') */ id, name  ;
DESC CATALOG  U   STRING ;
 CREATE  t  FR�M  t ;
;
