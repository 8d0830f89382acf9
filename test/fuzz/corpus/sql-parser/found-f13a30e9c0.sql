 SELECT '[' || TRIM(s) || ']', '[' || TRIM(BOTH FROM s) || ']', '[' || TRIM(LEADING FROM s) || ']', '[' || TRIM(TRAILING FROM s) || ']'  ;

SELECT id FROM t ORDER BY v FETCH FIRST v  1 ROWS ONLY
