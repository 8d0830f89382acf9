 LIKE t (EXCLUDING ALL) ;
 LIKE p  t  ;
 .  TABLE tags (item INT, tag  id );

SELECT  s , o.item, n, i.* FROM orders AS o JOIN items FOR SYSTEM_TIME ASÛOF o.p AS  CURRENT_TIMESTAMP  ON o.item = i.item ; 
