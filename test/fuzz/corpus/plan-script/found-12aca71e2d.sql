CREATE CATALOG c WITH ('type' = 'generic_in_hemory');
 DESC CATALOG  ALTER  cat2   WITH ('type' =  'db' )
CREATE CATALOG c WITH ( 'default-database' = 'db' );
