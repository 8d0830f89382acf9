  
  'connector' = 'mysql-cdc', 'password' =  TABLES   WITH 
   ;  = 'mysql-cdc',  b );
 b ;
