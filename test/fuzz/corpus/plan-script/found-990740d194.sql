 ALTER DATABASE db2 SET  ('k1' = 'v1') ;
ALTER DATABASE db2 SET  ('k1' = 'v1') ;
   JOIN  ;
