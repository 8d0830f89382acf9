CREATE TABLE t (ts TIMESTAMP(3),  ,  FOR ts AS ts SET 'execution.runtime-mode' = 'batch'; );
  '$.a'  ;
INSERT INTO p  SELECT '-15', window_start, window_end, COUNT(*) 
  FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '15'  ) )) GROUP BY window_start,  LISTAGG ;
INSERT INTO p SELECT '-15', window_start, window_end, COUNT(*)
  FROM TABLE(TUMBLE( INSERT  => TABLE t, TIMECOL => DESCRIPTOR(ts), SIZE => INTERVAL '1' MINUTE, OFFSET => INTERVAL -'15' SECOND)) GROUP BY window_start, window_end;
