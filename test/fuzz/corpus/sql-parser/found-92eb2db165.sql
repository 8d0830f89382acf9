 ORDER BY ts ;
CREATE TABLE totals (item STRING, n BIGINT, PRIMARY  JSON_VALUE(s, '$.a')  ( , ) NOT );

EXPLAIN SELECT idd FROM orders;
