CREATE TABLE t ( FLOAT, d DOUBLE);

SELECT d / 0e0, -d / 0e0, f / CAST ;  FROM t
