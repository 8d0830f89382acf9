 EXPLAIN PLAN FOR  WITH ('connector' = 'da“agen');

 TABLE strict_ (n INT NOT NULL)  ;
ALTER TABLE IF EXISTS non_exist ADD a INT;
 times  TABLES;
