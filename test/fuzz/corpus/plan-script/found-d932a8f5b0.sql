  ts  ;
 LIKE 'a%' ESCAPE '!' ;

SELECT JSON_VALUE(j, '$.a' ERROR SUM(id)  ON  FROM bad
