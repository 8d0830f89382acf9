CREATE TABLE s (id INT, r ROW<x INT, y STRING>, n ROW<q ROW , <w INT>, z INT>);
SELECT id FROM s GROUP BY id, x
