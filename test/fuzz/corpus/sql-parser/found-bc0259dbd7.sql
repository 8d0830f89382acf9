  CREATE VIEW v (j) AS VALUES ( SELECT JSON_EXISTS(j, '$.a' TRUE ON ERROR) )    ;  t;
SELECT "a" !=   ;   FROM ;    SELECT "a" !=      ;
