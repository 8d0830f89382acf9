SET 'parallelism.default' = '2';
CREATE TABLE payments (
  id BIGINT NOT NULL, store_id INT, amount DECIMAL(12,2), status STRING, paid_at TIMESTAMP(3), note STRING,
  WATERMARK FOR paid_at AS paid_at - INTERVAL '5' MINUTE, PRIMARY KEY (id) NOT ENFORCED
) WITH ('connector'='mysql-cdc','hostname'='h','password'='x');
CREATE VIEW sales AS SELECT store_id, window_start, window_end, SUM(amount) AS amount, COUNT(*) AS payments
FROM TABLE(HOP(TABLE payments, DESCRIPTOR(paid_at), INTERVAL '1' MINUTE, INTERVAL '30' MINUTE))
WHERE status = 'paid' GROUP BY store_id, window_start, window_end;
CREATE MATERIALIZED TABLE store_sales (PRIMARY KEY (store_id) NOT ENFORCED) WITH ('ttl'='1 d') FRESHNESS = INTERVAL '1' MINUTE AS SELECT * FROM sales;
CREATE TABLE r (store_id INT NOT NULL, amount DECIMAL(38,2), PRIMARY KEY(store_id) NOT ENFORCED) WITH ('connector'='redis');
CREATE TABLE p (id BIGINT, x STRING) WITH ('connector'='print');
CREATE TABLE g (status STRING, n BIGINT, PRIMARY KEY(status) NOT ENFORCED) WITH ('connector'='redis');
EXECUTE STATEMENT SET BEGIN
INSERT INTO r SELECT store_id, amount FROM sales;
INSERT INTO p SELECT id, note FROM payments WHERE amount > 10;
INSERT INTO g SELECT status, COUNT(DISTINCT store_id) FROM payments GROUP BY status;
END;
