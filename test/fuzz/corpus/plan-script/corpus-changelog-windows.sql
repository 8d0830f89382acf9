CREATE TABLE t (id INT, store INT, amount INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' MINUTE);
CREATE TABLE p (what STRING, e TIMESTAMP(3), store INT, amount INT);
INSERT INTO p SELECT 'tumble', window_end, store, SUM(amount) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end, store;
INSERT INTO p SELECT 'hop', window_end, store, SUM(amount) FROM TABLE(HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '30' SECOND, INTERVAL '1' MINUTE)) GROUP BY window_start, window_end, store;
INSERT INTO p SELECT 'cumulate', window_end, store, SUM(amount) FROM TABLE(CUMULATE(TABLE t, DESCRIPTOR(ts), INTERVAL '30' SECOND, INTERVAL '1' MINUTE)) GROUP BY window_start, window_end, store;
