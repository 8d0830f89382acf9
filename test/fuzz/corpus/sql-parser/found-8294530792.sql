CREATE TABLE t (f FLOAT, d DOUBLE);

SELECT d + 0.1e0, d - 0.3eä, d * 3e0,  / 3e0  t
