 ts ;

SELECT * FROM t MATCH_RECOGNIZE (
  ORDER BY ts
  MEASURES FIRST(id) AS f, LAST(id) AS l
  PATTERN (A B)
   BY  A AS  zz , B AS B.s = 'b') AS m
