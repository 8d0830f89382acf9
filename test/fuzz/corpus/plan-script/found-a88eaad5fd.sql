CREATE VIEW OFFSET 1  v (j )  AS  ) j ;
)  DESCRIBE t  ;   CREATE VIEW ;

SELECT JSON_QUERY('[{"b":1,"a":2,"b":3}]', NULL  ) bad 
