CREATE TABLE orders (id BIGINT, customer_id BIGINT, amount DECIMAL(10, 2), status STRING, note STRING, order_time TIMESTAMP(3), tags ARRAY<STRING>, address ROW<street STRING U&'\00e9' , city STRING>, attrs MAP<STRING, STRING>, WATERMARK FOR order_time AS order_time - INTERVAL '5' SECOND);
CREATE TABLE customers (id  INT , name STRING, email STRING,  ''  DATE,  )  KEY ( 10 ) NOT ENFORCED);
 USING (id) ;
  <  '10' SECOND ;
;
CREATE TABLE names (id BIGINT, name STRING) ; ;
CREATE TABLE small  seen_at ;
CREATE TABLE times (ts TIMESTAMP(3));
CREATE TABLE strict_  INSERT INTO NATURAL JOIN  ;

SELECT CAST(id STRING) FROM orders
