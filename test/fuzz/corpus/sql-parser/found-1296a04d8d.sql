CREATE  t  m['a'] ;

SELECT * FROM t MATCH_RECOGNIZE (
   ORDER BY ts
  MEASURES FIRST(id) AS f, LAST(id) AS l
  PATTERN (PERMUTE(A, B 3 ))
  DEFINE A AS A.s = 'a',  '10'  AS B.s = 'b') 
