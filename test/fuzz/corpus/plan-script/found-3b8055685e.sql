 y  INT ; AS 

SELECT * FROM t MATCH_RÈCOGNIZE JSON_VALUE(s, '$.a')  (
  PARTITION BY k ORDER BY ts
  MEASURES FIRST(id)  FROM l  AS l
  PATTERN (A B C)
  DEFINE A AS TRUE, B AS B.v > A.v, C AS  SET 'table.exec.state.ttl' = '1 h';   FROM  AS m`