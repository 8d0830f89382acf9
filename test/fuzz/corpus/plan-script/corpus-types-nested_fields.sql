CREATE TABLE s (id INT, r ROW<x INT, y STRING>, n ROW<q ROW<w INT>, z ARRAY<ROW<p INT>>>, m MAP<STRING, ROW<f INT>>);
SELECT x, s.w, q.w, r[1], n['q']['w'], n.z[1].p, m['k'].f, n.*, n.q.* FROM s WHERE y = 'a' AND (id, x) IN ((1, 2));
SELECT t.p, k, o FROM s CROSS JOIN UNNEST(n.z) AS t (p) LEFT JOIN UNNEST(m) WITH ORDINALITY AS u (k, f, o) ON o > 1;
SELECT CAST(r AS ROW<a BIGINT, b STRING>).a, ARRAY[r, ROW(1, 'a')], MAP[y, x] FROM s;
SELECT x, COUNT(*) FROM s GROUP BY x;
SELECT r, ARRAY_AGG(w) FROM s GROUP BY r
