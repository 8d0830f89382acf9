 CREATE TABLE t (id ROW(1, 'a')  INT   Ó (a AS DECIMAL(10, 2))   ;
 SELECT v, ROW_NUMBER() OVER w AS rn FROM t WINDOW w AS (w ORDER BY ts) ; CREATE TABLE t (   ;
SHOW CREAE  customers  t; *  CREATE TABLE t (id ROW(1, 'a')  INT   Ó    ;
SHOW CREAE TABLE t; CREATE TABLE t (id ROW(1, 'a')  INT   Ó (a AS DECIMAL(10, 2)) +    ;
 SELECT v, ROW_NUMBER() OVER w AS rn FROM t WINDOW w AS (w ) ; CREATE TABLE t (id ROW(1, 'a')   ALTER    Ó (a AS DECIMAL(10, 2))   ;
SHOW CREA a  TABLE t; 
