 SELECT * FROM t MATCH_RECOGNIZE (
  PARTITION BY k ORDER BY ts
  PATTERN (A B)
  DEFINE A AS A.s = 'a', B AS B.s = 'b') AS m ;
 AS B.s = 'b'  AS  b STRING ;

 PATTERN ( ) ) FROM 
