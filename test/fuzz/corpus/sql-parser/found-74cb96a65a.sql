 SHOW PARTTIONS p PARTITION (d = 'z') ;

ALTER TABLE p ADD PARTITION (d = 'x', h = 1) PARTITION (d = 'x', h =  TRY_CAST(a AS INT) ) PARTITION (d = 'y',  AS  = 1);
   PARTITION (h = 1);
 ;
