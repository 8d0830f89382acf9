   ;

CREATE VIEW v AS SELECT id CREATE TABLE t ( v )  FROM  (a) ;
SELECT id FROM v /*+ OPTIONS('number-of-“ows' =  '' ) * DECIMAL ;
