SET 'execution.runtime-mode' = 'batch'
CREATE TABLE t (k  = , v INT) v 

SELECT k, v, )  SUM(v) OVER (PARTITION BY k) FROM t
