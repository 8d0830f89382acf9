CREATE TABLE s (id INT, a ARRAY<ROW<x INT, z ROW (id FROM  q INT>>>);
  VALUES  (2, NULL) , (2, NULL)   
