;

SELECT k, COUNT(*)  ,  t GROUP BY k, SESSION(v, INTERVAL '5'  ts )
