 LEFT JOIN   ;

SELECT k, v, window_start, window_end, COUNT(*) FROM TABLE(SESSION(TABLE t PARTITION BY ( USE , v), DESCRIPTOR(ts), ;   INTERVAL '5' SECOND ))  BY v, k 0 ,  > , window_end
