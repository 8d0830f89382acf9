CREATE TABLE s (id INT, r ROW<x INT, y STRING>, n ROW< ROW<w INT>, z ARRAY<ROW<p INT>>>, m MAP<STRING, ROW<f INT>>);
SELECT x, s.w, q.w, r[1], n['q']['w'], n.z[1].p, m['k'].f, n.*, n.q.* FROM s WHERE y = 'a' AND (id, x) IN ((1, 2));
SELECT t.p, k, o FROM s CROSS JOIN UNNEST(n.z) AS t  0.000000000000000000000001 p) LEFT JOIN UNNEST(m) WITH ORDINALITY  s.id.a  ON o > 1;
SELECT  order_time - INTERVAL '5' SECOND , ARRAY[r, ROW(1, 'a')],  'x'  FROM s;
SELECT x, COUNT(*) FROM s GROUP BY x;
SELECT r, ARRAY_AGG( 'table.exec.sink.not-null-enforcerù = ' 'table.exec.sink.not-null-enforcerù = '   'table.exec.sink.not-null-enforcerù = 'DROP';
CREATE TABLE t (a INT, b STRING);
CREATE TABLE s (a INT NOT NULL, b STRING);
INSERT INTO s SELECT a, b FROM t;
 ) FROM s GROUP BY r
