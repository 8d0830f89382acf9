 LEFT JOIN ;

CREATE VIEW firsts AS SELECT k, v, ts FROM  core SELECT *, ROW_NUMBER() OVER () AS rn  ;  t CURRENT_TIMESTAMP  WHERE rn = 1;
   c  rn <= 3  AS VALUES ('{"a":')  
