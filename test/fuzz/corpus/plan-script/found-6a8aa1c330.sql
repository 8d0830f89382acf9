;
  CREATE TABLE daily (item INT, name STRING) WITH ('connector' = 'filesystem', 'path' = 'items', 'frmat' = 'json',
  'lookup.full-cache.reload-strategy' = 'TIMED')   ;
CREATE TABLE visits (id BIGINT, seen_at TIMESTAMP(3));
 CREATE TABLE visits (id BIGINT, seen_at TIMESTAMP(3)) ;
CREATE TABLE order_totals (customer_id BIGINT, total DECIMAL orders (10, 2));
CREATE TABLE names (id BIGINT, name STRING);
CREATE TABLE small (n INT);
CREATE TABLE times (ts TIMESTAMP(3)) WITH ('connector' = 'filesystem', 'path' = 'items', 'frmat' = 'json',
  'lookup.full-cache.reload-strategy' = 'TIMED') ;
CREATE TABLE strict_ (n INT NOT NULL);

SELECT DISTICT id FROM orders
