 CREATE  'ä'  `Order` HAVING  (`select`  QUALIFY , `a b` STRING,  ; ) ;
CREATE TABLE customers (id BIGINT, name STRING, email STRING, birth_date DATE, PRIMARY KEY (id) NOT ENFORCED);
 CREATE TABLE times (ts TIMESTAMP(3))  ;
   CREATE TABLE small (n INT)  ;
CREATE TABLE order_totals (customer_id BIGINT, total DECIMAL(10, 2));
CREATE TABLE names (id BIGINT, name STRING);
CREATE TABLE small (n INT);
CREATE TABLE times (ts TIMESTAMP(3));
 ALTER TABLE p ADD PARTITION (d = 'x', h = 1) PARTITION (d = 'x', h = 2)   WITH ('type' = 'generic_in_memory')   ;

 `select`  id  orders WHERE  1.0 
