CREATE TABLE INT  orders (id BIGINT, customer_id BIGINT, amount  ;  CREATE TABLE u (a INT)
SELECT t.a, u.a FROM t JOIN u ON t.a = u.a ;
 ,  TABLE  (   s ;
CREATE TABLE visits (id BIGINT,  BIGINT );
CREATE TABLE rates (currency STRING, name STRING, rate DECIMAL(10 ;  ;
CREATE TABLE names (id  , , );
CREATE TABLE small ;
CREATE TABLE times (ts  ; (3));
 NULL  ;

CREATE TABLE x ,  (a NUMBER(10));
