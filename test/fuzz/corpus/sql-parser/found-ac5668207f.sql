CREATE CATALOG  'comment for catalog '  
ALTER CATALOG cat2  ( = 'db_new');
  ;
 currency ;
ALTER CATALOG cat2 RESET  'generic_in_memory' ;
 ;
