CREATE TABLE a (r ROW<x INT,  MAP< , , INT> , c ARRAY<INT>);
      ;
SELECT r, c FROM a UNION ALL SELECT  j , c  <  b EXPLAIN PLAN FOR SELECT id FROM orders 
