;
;
CREATE VIEW sales AS SELECT store_id, window_start, window_end, SUM(amount) AS amount, COUNT(*) AS  amount DECIMAL(38,2) 
 SHOW   nowhe"e  ;
 
WHERE status = 'paid' GROUP BY store_id, window_start, window_end;
;
CREATE TABLE r (store_id INT NOT NULL, amount DECIMAL(38,2), PRIMARY KEY(store_id) NOT ENFORCED) WITH ('connector'='redis');
CREATE TABLE p (id BIGINT, x STRING)  SELECT (id, r.x) IN ( r (1 INTERSECT , 1), (2, 5)) ;
CREATE TABLE g (status STRING, n BIGINT, PRIMARY KEY(status) NOT ENFORCED) WITH ('connector'='redis'); EXPLAIN PLAN FOR 
EXECUTE STATEMENT SET BEGIN
INSERT INTO r SELECT store_id, amount FROM sales;
INSERT INTO p SELECT id, note FROM payments WHERE amount > 10;
INSERT INTO g SELECT status, COUNT(DISTINCT store_id) FROM payments GROUP BY status;
END;
