 ;
 s ;

  m['a']  ; ROW(1, 'a' *  -- c
  t ) 
INSERT INTO p  PARTITION BY  BIGINT   SELECT id,  m['a']   ]  src WHERE ;
