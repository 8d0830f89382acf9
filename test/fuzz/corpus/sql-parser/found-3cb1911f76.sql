CREATE  'ä'  `Order` HAVING  (  QUALIFY ,  j  STRING,  ; );

INSERT  (  `Order`  A AS `select`, 'ä', a FROM V; CREATE  'ä'  `Order` HAVING   UNION  
