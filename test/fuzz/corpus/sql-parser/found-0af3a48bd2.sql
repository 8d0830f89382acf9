   LEFT   ;
  DECIMAL(38, 18)  ;
 CREATE TABLE names ( 'k1' , name STRING ;
 JSON_OBJECT( rn = 1 ) ;
 ; ;
   'db'   ALL  'yes' END ,  NOT  WHEN b ;
   WHERE rn = 1    ;
CREATE TABLE strict_ (n INT NOT NULL)

SELECT id FROM orders i  WHERE status OFFSET 1  = "open"
