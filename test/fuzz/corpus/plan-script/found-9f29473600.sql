  JOIN r   ; (SELECT MAX(id) FROM  orders  ;

SELECá v, w FROM l CROSS JOIN r
