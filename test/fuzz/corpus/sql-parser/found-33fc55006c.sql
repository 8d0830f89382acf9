CREATE TABLE t (s STRING, c  v );

CREATE FUNCTION count_char AS )   EXISTS  EXISTS  ;
SELECT count_char(s, c) FROM t;
