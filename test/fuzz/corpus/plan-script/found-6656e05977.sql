CREATE TABLE t (i INT, l BIGINT, e DECIMAL(5, 2), f FLOAT, d DOUBLE);

 SELECT id, s.r.*, r.*  FROM t
