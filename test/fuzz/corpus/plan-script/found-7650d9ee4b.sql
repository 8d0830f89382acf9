 CREATE TABLE orders (id BIGINT, customer_id BIGINT, amount DECIMAL(10, 2), status STRING, note STRING, order_time TIMESTAMP(3), tags ARRAY<STRING>, address ROW<street STRING, city STRING>, attrs MAP<STRING, STRING>, WATERMARK FOR order_time AS order_time - INTERVAL '5' SECOND) ;

ALTER TABLE orders RENAME ts TO tm;
