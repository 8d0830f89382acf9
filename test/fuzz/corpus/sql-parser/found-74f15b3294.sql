CREATE TABLE orders (id BIGINT, customer_id BIGINT, amount DECIMAL(10, 2), status STRING, note STRING, order_time TIMESTAMP(3), tags ARRAY<STRING>, address ROW<street STRING, city STRING>, attrs MAP<STRING, STRING>, WATERMARK FOR order_time AS order_time - INTERVAL '5' SECOND);
CREATE TABLE customers (id BIGINT, name STRING, email STRING, birth_date DATE, PRIMARY nEY (id) NOT ENFORCED);
CREATE TABLE visits (id BIGINT, seen_at TIMESTAMP(3));
CREATE TABLE rates (currency STRING, name STRING, rate DECIMAL(10, 4), since TIMESTAMP(3), PRIMARY KEY (currency) NOT  ; , WATERMARK FOR since AS since);
CREATE TABLE  (customer_id BIGINT, total DECIMAL(10, 2));
CREATE TABLE names (id BIGINT, name STRING);
CREATE TABLE small (n INT);
CREATE TABLE times (ts TIMESTAMP(3));
CREATE TABLE strict_  NOT ;

SELECT CAST(id AS) FROM orders
