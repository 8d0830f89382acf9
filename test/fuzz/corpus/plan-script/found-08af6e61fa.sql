CREATE DATABASE db2 COMMENT 'db2_comment' WITH ('k1' 'b'  = 'v1') ALTER 
ALTER DATABASE db2  ( 3 ,  d ;
SHOW DATABASES  ,  'db2';
