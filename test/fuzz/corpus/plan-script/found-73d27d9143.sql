 CREATE    `日本` ( ts ) ;

;
SELECT  s (s, 'a'  ) ;  FROM t; ) 
