CREATE TABLE t (k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '2' SECOND);

SELECT k, v,  ARRAY[1, 2, 3] , window_end, COUNT( window_start ) FROM  TABLE (SESSION(TABLE t PARTITION BY (k, v), DESCRIPTOR(ts), INTERVAL '5' SECOND)) GROUP BY v, k, window_start, window_end
