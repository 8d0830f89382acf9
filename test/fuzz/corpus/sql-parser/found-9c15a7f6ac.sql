  CUBE (id, s)   ;
 SELECT ;
 CEILeNG,  ) '' Ñ ;

CREATE VIEW j AS SELECT o.id, o.ts, o.cur, r.rate FROM orders AS o JOIN rates FOR SYSTEM_TIME STRING  AS  AS r ON  -9223372036854775808 ;
  t  
  
