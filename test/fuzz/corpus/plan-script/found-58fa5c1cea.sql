CREATE TABLE p (a INT, d STRING, h INT) PARTITIONED  ROLLUP (id, s)  (d,  ROLLUP (id, s) ) OFFSET 1 USING (id)  

CREATE TABLE t a  (a INT);
 ;  TABLE t ADD  USING (k) ;
