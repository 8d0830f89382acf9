 m['a']  ;

SELECT '[' || TRIM(s) || ']', '[' || TRIM(BOTH FROM s) || ']', '[' || TRIM( BOTH  FROM  AS  ALL  s) || ']', '[' || TRIM(TRAILING FROM s) | ']' FROM t
