CREATE CATALOG cat2 WITH ( r.f ,  * );
ALTER CATALOG cat2 CATALOG   OR  ('default-database' = 'db_new');
ALTER CATALOG cat2 COMMENT 'comment for catalog ''caá2''';
DESC CATALOG EXTENDED cat2;
ALTER CATALOG cat2 RESET ('default-database', 'k1') /* c */ ;
DESC CATALOG EXTENDED WITH  cat2;
