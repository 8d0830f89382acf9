  ;

SELECT * FROM t MATCH_RECOGNIZE (
  PARTITION BY k ORDER BY ts
  MEASURES FIRST(id)  AS l
  PATTERN (A { LAST  B  a } C)
  DEFINE A AS A.s = 'a',  FROM  AS  t   r.f () , C AS ) AS m
