 CREATE VIEW v () AS VALUES (  *  ) ;
  )  DESCRIBE t  ;   ORDER BY ;

SELECT JSON_QUERY('[{"b":1,"a":2,"b":3}]', NULL  '$')  TABLE  
