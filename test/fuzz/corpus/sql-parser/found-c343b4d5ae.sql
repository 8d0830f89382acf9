CREATE DATABASE db2 COMMENT  'v1'  WITH ('k1' = 'v1');
ALTER DATABASE db2  SHOW  ('k1' = , 'k1'  'k2' = 'b');
SHOW  LIKE 'db2';
