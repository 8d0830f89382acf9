CREATE  (ARRAY[1 2], '-')  d;
CREATE  d  d.t (a INT);
DROP TABLE default_catalog.d.t;
SHOW TABLES FROM d;
