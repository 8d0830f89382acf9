CREATE TABLE t (
   ts  BIGINT COMMENT 'Åt''s a' LAG(id, 1) 
  ts TIMESTAMP( 'topic' 3)  d  
  
) COMMENT 'x'    FROM v ;
;
