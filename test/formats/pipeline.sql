-- Read by versions of weir that wrote it and by those to come: do not change.
SET 'execution.checkpointing.interval' = '200 ms';
SET 'parallelism.default' = '2';
CREATE TABLE sales (id BIGINT, store INT, amount INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH (
  'connector' = 'filesystem', 'path' = 'in', 'format' = 'csv', 'source.monitor-interval' = '100 ms');
CREATE TABLE stores (store INT, name STRING) WITH ('connector' = 'filesystem', 'path' = 'stores', 'format' = 'csv',
  'source.monitor-interval' = '100 ms');
CREATE TABLE windows (w TIMESTAMP(0), store INT, n BIGINT, total BIGINT) WITH (
  'connector' = 'print', 'print-identifier' = 'window');
CREATE TABLE named (id BIGINT, name STRING) WITH ('connector' = 'print', 'print-identifier' = 'named');
CREATE TABLE totals (store INT, n BIGINT, total BIGINT) WITH ('connector' = 'print', 'print-identifier' = 'total');
INSERT INTO windows SELECT window_start, store, COUNT(*), SUM(amount)
  FROM TABLE(TUMBLE(TABLE sales, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end, store;
INSERT INTO named SELECT s.id, t.name FROM sales s JOIN stores t ON s.store = t.store;
INSERT INTO totals SELECT store, COUNT(*), SUM(amount) FROM sales GROUP BY store;
