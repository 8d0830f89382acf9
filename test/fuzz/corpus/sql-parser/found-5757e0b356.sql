CREATE VIEW v (j AS VALUES  '$' ;
 id  AS VALUES ('{"a":');

SELECT JSON_VALUE(j, '$' WITH  ) ) FROM  * 
