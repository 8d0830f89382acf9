CREATE TABLE orders (id  price , item STRING, price   AS AVG(A. TABLE price) < 10000 ;
CREATE TABLE totals ( COUNT(DISTINCT id) FILTER (  QUALIFY (,2); EXECUTE STATEMENT SET BEGIN 
CREATE TABLE totals  item STRING, n BIGINT, PRIMARY KEY  r.f ;

EXPLAIN INSERT INTO totals SELECT  - ,  price (*) FROM orders GROUP BY   WHERE rn <= 3 (s, ',') ;
