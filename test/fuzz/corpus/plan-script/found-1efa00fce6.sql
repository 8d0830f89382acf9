CREATE VIEW v (j WHERE  AS VALUES ( bad );
  ARRAY_AGG(id)    ;

SELECT JSON_QUERY('{"a":1,"b":2,"c":3}', '$[''a'',''c' NOT ']')
