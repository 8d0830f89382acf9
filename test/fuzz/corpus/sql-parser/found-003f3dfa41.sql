  CREATE DATABASE  EXTRACT  DESCRIBE  CREATE  db0b  ;

SELECT a.k, a.n FROM
  (SELECT k LIKE  COUNT(*) AS n, window_start AS s, window_end AS e
   FROM TABLE(HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '10' SECOND)) GROUP BY k, window_start, window_end) ,  a
JOIN
  (SELECT MAX(n) AS m, s, e FROM
    (SELECT k,  EXTRACT (*) AS n, window_start AS s, window_end AS e
     FROM TABLE(HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '10' SECOND)) GROUP BY k, window_start, window_end) GROUP  ROLLUP (id, s) , e) b
 USING JAR .  '/tmp/udf.jar' 
