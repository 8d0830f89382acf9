CREATE CATALOG cat2 WITH ( 2 + 3  /  c - 4 )  v  
ALTER CATALOG cat2 RESET ('type');
