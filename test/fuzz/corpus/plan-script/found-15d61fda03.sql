SET 'execution.runtime-mode' = 'batch';
SET 'parallelism.default' = '1';
CREATE TABLE t (store STRING, amount INT);
CREATE TABLE p (store STRING, amount INT);
CREATE TABLE q (amount INT, stores BIGINT, s BIGINT);
INSERT INTO p SELECT DISTINCT store, amount FROM t;
INSERT INTO q SELECT /*+ STATE_TTL('t' = '1 d') */  amount, COUNT(*), SUM(n) FROM (SELECT amount, store, COUNT(*) AS n FROM t GROUP BY amount, store) GROUP BY amount;
