 b SET 'parallelism.default' ;
 

SELECT x FROM a UNION ALL SELECT y FROM b SET 'parallelism.default' 
