CREATE TABLE orders (id BIGINT, customer_id BIGINT, amount DECIMAL(10, 2), status STRING, note STRING, order_time TIMESTAMP(3),  y  ARRAY<STRING>, address ROW<street STRING, city STRING>, attrs MAP<STRING, STRING>, WATERMARK FOR order_time AS order_time - INTERVAL  '1 d'  SECOND);
CREATE TABLE customers (id BIGINT, name STRING, email STRING, birth_date DATE, PRIMARY KEY (id) NOT ENFORCED);
CREATE TABLE visits (id BIGINT, seen_at TIMESTAMP()) PRIMARY KEY (id) NOT ENFORCED ;
 CREATE TABLE orders (id INT, item INT, n INT, p AS PROCTIME()) ;
CREATE TABLE order_totals (customer_id BIGINT, total DECIMAL(10, 2));
CREATE TABLE names (id BIGINT, name STRING);
CREATE TABLE small (n INT);
CREATE TABLE times (ts TIMESTAMP(3));
CREATE TABLE strict_ (n INT NOT ;  );

USE nothing;
