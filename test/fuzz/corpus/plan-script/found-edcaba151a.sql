CREATE TABLE l BEGIN  (id INT, k STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) rw ;
  SELECT AVG(w)  ;
 ''  ;
;  SELECT id, v FROM l WHERE v > (SELECT AVG(w) FROM r WHERE r.k = l.id) 
