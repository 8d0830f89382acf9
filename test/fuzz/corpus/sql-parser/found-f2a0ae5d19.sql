 FROM    ;   LOAD MODULE core  WITH ( FROM  = 'datagen');

CREATE TABLE  (a INT);
  id  ;
SHOW CREATE TABLE t;
 SELECT +a, + +c, TYPEOF(+a) FROM t ;
 (  CREATE TABLE  , ;
  ;
 CREATE TABLE t;
