 / id    ;

SELECT * FROM t MATCH_RECOGNIZE (
  PARTITION BY k ORDER BY ts
  MEASURES FIRST(id) AS f, LAST(id) AS l
  PATTERN (PERMUTE COUNT(*)   ))
  DEFINE A AS A.s = 'a',  '10'  AS B.s = 'b') AS m
