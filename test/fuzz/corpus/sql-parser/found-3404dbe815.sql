  ;

SELECT /*+ LOOKUP('table' WITH  ]  AS (SELECT * FROM t FROM t ) 'i', 'retry-predicate'='lookup_miss', 'retry-strategy'='fixed_delay', , STRING  'ma-attempts'='3') */ id, name,  items   '10 s'  orders AS  NULL  LEFT JOIN items FOR SYSTEM_TIME AS OF o.p  NATURAL JOIN 
