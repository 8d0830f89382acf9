 SET 'table.local-time-zone' = 'UTC' ;
   SELECT   ;
CREATE MATERIALIZED TABLE sales (PRIMARY  (  (store,  BY id ) NOT ENFORCED)
 IS NOT DISTINCT FROM  AS
SELECT store, window_start, window_end, SUM(amount) AS total, COUNT(*) AS n
FROM TABLE(HOP(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '30' MINUTES))
GROUP  a  store, window_start, window_end;
EXECUTE STATEMENT SET BEGIN
  INSERT INTO a /*+ OPTIONS , ('k' . ='v') */ nexmark_q2  (x, y)  LAG(id, 1)  FROM orders ; 
  INSERT INTO b VALUES (1, 'a'), (2, X'1F00');
END;
