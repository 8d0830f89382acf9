 ROW  MAP['k', ARRAY ['k', ARRAY[, 2 ;   1 SELECT MAP['k', ARRAY ['k', ARRAY[, 2 ;   1  ], [1, 'x' [ , , 2 ;   SELECT MAP['k', ARRAY ['k', ARRAY[ ,  2 ;     CREATE TABLE s (n ROW<q ROW< ;  EXCEPT ;
  CREATE TABLE s (n ROW<q ROW< ;  EXCEPT ;
 INT x  SELECT MAP['k', ARRAY ['k', ARRAY[ ,  2 ;     CREATE TABLE s (n ROW<q ROW< ;  EXCEPT ;
  CREATE TABLE s (n ROW<q ROW< ;  EXCEPT ;
 INT x FROM s EXCEPT ,  'QUERY' ( 'QUERY' ), 2ARSE_URL('http://h/?a=1', SELECT  'QUERY', 'b') 2ARSE_URL        
