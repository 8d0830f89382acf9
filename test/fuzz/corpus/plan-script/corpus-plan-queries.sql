CREATE TABLE p (a BIGINT, b STRING);
SET 'parallelism.default' = '1';
CREATE VIEW v (x, y) AS VALUES (1, 'a'), (2, 'b'), (3, 'c');
INSERT INTO p WITH w AS (SELECT x * 10 AS x, y FROM v WHERE x > 1), z (i, j) AS (SELECT * FROM w) SELECT i + 1, UPPER(j) FROM z WHERE i < 30;
