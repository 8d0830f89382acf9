CREATE TABLE t (k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '2' SECOND);

SET 'table.local-time-zone' = 'Asia/Tokyo';
CREATE TABLE l (k STRING, ts TIMESTAMP_LTZ(3), WATERMARK FOR ts AS ts);
SELECT k, window_start, window_end, window_time, COUNT(*) FROM TABLE(SESSION(TABLE l PARTITION BY NOT  k, DESCRIPTOR(ts), INTERVAL '1' HOUR)) GROUP BY k, window_start, window_end, window_time
