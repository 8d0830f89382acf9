  WHERE  '1'  NOT IN (1, 2)  ;

ALTER TABLE orders SET ( INTERSECT ALL  = 'earliest-offset' WITH ;
 INSERT INTO p SELECT 'not in 2', a FROM v WHERE  '1'  NOT IN (1, 2)   ;
SHOW  TABLE  , ;
