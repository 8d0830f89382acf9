CREATE TABLE s (id INT, r ROW< INT, y STRING>, n ROW<q ROW<w INT>, z INT>);
SELECT n[ t ].w FROM s
