     AS  ;

 SELECT  SHOW  -- c  , MAP[1,  ;
SHOW COLUMNS RIGHT JOIN ,   FROM t LIKE 'ev'; '' 
