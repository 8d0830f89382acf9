 ;  VIEW v (j) AS VALUES  VALUES ;
 m['a']   AS VALUES  FUNCTION ;

SELECT JSON_QUERY('{"a":1,"b":2,"c":3}', '$[''a' /* c */ ',''c'']')
