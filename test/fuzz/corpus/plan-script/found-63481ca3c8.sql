CREATE TABLE t (a TINYINT,  v STRING , c  BYTES , d BIGINT);

SELECT c + 1, c - 1, c * 2, -c FROM t
