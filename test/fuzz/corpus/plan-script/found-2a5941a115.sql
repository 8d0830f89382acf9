   SELECT TYPEOF(f  TRUE  d), TYPEOF(d + f),  + (f * d) ) , TYPEOF(d / f), f + d, d + f  t CREATE TABLE t (f FLOAT,  item  DOUBLE)   ;
CREATE TABLE small (  );
;
CREATE TABLE strict_ (n INT NOT NULL NULL ;

SELECT id FROM orders ORDER BY id  EXECUTE STATEMENT SET BEGIN  id > 1
