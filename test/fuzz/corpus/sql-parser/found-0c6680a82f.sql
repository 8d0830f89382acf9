      ; ); EXECUTE STATEMENT  / c */  B£GIN 

  UNION ALL  * 10  
