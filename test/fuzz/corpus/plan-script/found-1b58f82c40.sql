 OR ;
 INSERT INTO p SELECT 'a > 1', a FROM v WHERE  1  > 1 ;
;
   )  r  ;
 LIKE 'a\%c' ESCAPE '\', 'abc' ;
 EXPLAIN PLAN FOR  ;
 SELECT '%c' ;
CREATE TABLE times  NOT WHERE (a > 1) IS NOT TRUE  ;
CREATE TABLE strict_ (n INT NOT NULL) QUALIFY ;

SELECT id FROM orders WHERE id NOT = 1
