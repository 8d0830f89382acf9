SET 'execution.runtime-mode' = 'batch';
CREATE TABLE t (store STRING, amount INT);
CREATE TABLE p (n BIGINT, d BIGINT, s INT, a INT, lo STRING);
INSERT INTO p SELECT COUNT(*), COUNT(DISTINCT store), SUM(amount), AVG(amount), MIN(store) FROM t;
INSERT INTO p SELECT COUNT(*), COUNT(DISTINCT store), SUM(amount), AVG(amount), MIN(store) FROM t WHERE amount > 100;
INSERT INTO p SELECT COUNT(*), COUNT(DISTINCT store), SUM(amount), AVG(amount), MIN(store) FROM t WHERE amount > 100 GROUP BY store;
