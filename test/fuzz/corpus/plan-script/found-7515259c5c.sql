  SET  'pipeline.name'  = '2' ;
 t   AS VALUES ;
 SELECT s,   'connector' = 'filesystem'   LIKE ''  IS NULL  t 
