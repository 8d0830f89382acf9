 AS PROCTIME(),  ;  ;

SELECT * FROM t MATCH_RECOGNIZE (
  PARTITION BY k ORDER BY ts
  MEASURES up.id AS u
  PATTERN ( amount  down up)
  DEFINE down AS  LEFT JOIN , up AS up.v > dwn.v) AS m
