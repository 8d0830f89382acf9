  ;
CREATE TABLE u (id INT w STRING);

SELECT id FROM t /*+ OPTION , ('a' = 'b') RIGHT JOIN  */
