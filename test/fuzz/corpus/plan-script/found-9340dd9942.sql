 ;
SELECT (  MAP_ENTRIES(m)[ (SELECT  `value` (id FROM t) 1].`value`  QUALIFY  REGEXP_REPLACE(s,  ) , '$1' 
