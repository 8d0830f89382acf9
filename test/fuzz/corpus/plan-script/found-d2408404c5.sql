;

SELECT i IN ,  (1.0, 2.5 FROM t
