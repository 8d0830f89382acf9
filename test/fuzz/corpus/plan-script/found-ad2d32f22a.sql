 m['a'] ;

SELECT HEX(  'connector'='print'  ) FROM t
