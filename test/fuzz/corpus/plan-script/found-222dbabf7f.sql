CREATE TABLE t (k STRING, v  WHERE  a <> 1 AND AS  t > t -  'a%'  '100' SECOND(3)  ;
    ”q”∆” LIKE 'a%'  '!' ”q”∆”   ”   ;
 ”q”∆” LIKE 'a%'  '!' ”q”∆”   ” ;
 ;

; "c" 
CREATE VIEW v CREATE TABLE t (k STRING, v  WHERE rn = 1  TABLE ;
    ”q”∆” LIKE 'a%'  '!' ”q”∆”   ”   ;
INSERT INTO q SELECT a % 3 FROM  AS SELECT * FROM t  WHERE a <> 1 AND t > t - INTERVAL '100' SECOND(3);
 ;

CREATE TABLE s (id INT); "c" 
CREATE VIEW v AS SELECT id FROM s;
CREATE TABLE t LIKE v;  AS SELECT id FROM s;
CREATE TABLE t LIKE v;
 