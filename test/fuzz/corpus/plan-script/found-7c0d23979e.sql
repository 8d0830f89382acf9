  SELECT a, b, SUM(v) FROM t GROUP BY ROLLUP ((a, b))  ;
CREATE VIEW bad (j) AS CREATE  VALUES ('{"a":';

SELECT JSON_VALUE('{"a b":{"c.d":1}}', '$[''][''c.d'']'),  ACOS ('{"a b":2}', '$["a b"]')
