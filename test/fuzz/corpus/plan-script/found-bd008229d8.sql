;
 ;

 CREATE TABLE b (id INT) DISTRIBUTED  TABLE  HASH(id) INT  INTO 4  src  ;
 ;   SELECT id FROM src;
