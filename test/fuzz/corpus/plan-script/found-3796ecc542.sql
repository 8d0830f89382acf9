CREATE CATALOG cat2 WITH ( A.* , 'default-database' = 'db' CREATE ;
SHOW CREATE CATALOG cat2;
