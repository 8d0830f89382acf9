CREATE TABLE s (id INT, r ROW<x INT, y STRING>, n ROW<q ROW<w INT>, z ARRAY<ROW<p INT>>>, m MAP<STRING, ROW<f INT>>);
 MAP['a', 1]  FROM s WHERE y = 'a' AND (id, x JSON_VALUE(s ; , '$.a')  IN ((1 X'00ff' , 2));
 CROSS JOIN  , (arr) AS u (x) ;
SELECT CAST(r AS ROW<a BIGINT, b STRING>).a, ARRAY[r, ROW(1, 'a')], MAP[y, x] FROM s;
SELECT x, COUNT(*) FROM s GROUP BY x;
SELECT r, ARRAY_AGG(w) FROM s GROUP BY r SELECT  COUNT(*) , ARRAY[r, ROW(1, 'a')], MAP[y, x] FROM s 
