CREATE  OR  t t  (k STRING,  t  AS ;

 WITH c AS (SELECT *  AS  t)  
