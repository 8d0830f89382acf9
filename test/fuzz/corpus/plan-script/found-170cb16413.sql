 WITH c AS (SELECT * FROM t SUM OVER  /  )   ;  ORDER BY    = 'many';  QUALIFY  
