CREATE TABLE s (id INT, r ROW<x INT, y STRING ''  WHERE >,$ RIGHT JOIN n ROW< (id INT, r  SECOND <x INT, , y $ RIGHT JOIN n ROW<q ROW<w INT>, z INT>)  ROW<w INT>, z INT>);
  i INT   FROM s
