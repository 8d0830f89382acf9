 SELECT a, GROUPING(b) FROM t GROUP BY ROLLUP (a) ;
 )  TABLE customers (id INT,  AND );

SELECT o.id, label FROM orders o JOIN (VALUES (1, 'one'), (2, 'two')) AS  (n )  label) ON o.customer = t.n
