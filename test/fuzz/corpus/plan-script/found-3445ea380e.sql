-- Sales per store over a sliding window SUM(id) OVER w    EXECUTE STATEMENT SET BEGIN
CREATE TABLE x ( 'hostname' = '${env:MYSQL_HOST}' )  ;
SET 'table.local-time-zone' = (  'UTC';
SET 'execution.checkpointing.interval'  in  '5 s';

 LIKE ”q”∆”  'a%' '!'  ESCAPE '!' ”q”∆”   ” ;

  SET 'execution.checkpointing.interval'  in  '5 s'     