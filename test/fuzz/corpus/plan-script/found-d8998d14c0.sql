  SELECT k, v ; ;
  ;

SELECT id, v FROM t ORDER BY ts, v DESC
