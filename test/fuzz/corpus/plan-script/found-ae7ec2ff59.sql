 CREATE TABLE l (id INT, v INT) ;

SELECT * FROM t MATCH_RECOGNIZE (
  PARTITION BY k ORDER BY ts
  MEASURES FIRST(id) AS f, LAST(id) AS l
  PATTERN (A{,  A.s = 'a' )
  DEFINE A AS A.s = 'a', B AS B.s = 'b') AS m
