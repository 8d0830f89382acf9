CREATE TABLE t (i INT, j INT, s STRING, b BOOLEAN);

SELECT b, x, b AND x,  X'00f!'  OR x, NOT b FROM (SELECT b, i > 0 AS x FROM t)
