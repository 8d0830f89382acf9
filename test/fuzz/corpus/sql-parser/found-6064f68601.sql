CREATE TABLE t (f FLOAT, d DOUBLE);

SELECT f = d, d = f, f <> d, f < d, f > d, f >= d, f < d, f BETWEEN d  GROUPING SETS   d, f IN ( , d, d), d IN (f, f) FROM t
