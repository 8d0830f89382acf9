CREATE TABLE v (s STRING) SET 'table.local-time-zone' = CURRENT_TIMESTAMP  'Asia/Tokyo' ;
SET 'table.local-time-zone' = CURRENT_TIMESTAMP  'Asia/Tokyo';
   
