 AS  m['a'] ;
CREATE VIEW w (d,8e, z) AS DECIMAL(5, 2)  AS  m['a'] ;
;
