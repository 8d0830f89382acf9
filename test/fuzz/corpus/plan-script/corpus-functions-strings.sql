CREATE TABLE p (what STRING, v STRING);
CREATE VIEW w (s) AS VALUES ('a,b,,d');
INSERT INTO p SELECT 'split 0', SPLIT_INDEX(s, ',', 0) FROM w
  UNION ALL SELECT 'split 2', '[' || SPLIT_INDEX(s, ',', 2) || ']' FROM w
  UNION ALL SELECT 'split 3', SPLIT_INDEX(s, ',', 3) FROM w
  UNION ALL SELECT 'split 4', SPLIT_INDEX(s, ',', 4) FROM w
  UNION ALL SELECT 'split -1', SPLIT_INDEX(s, ',', -1) FROM w
  UNION ALL SELECT 'split long', SPLIT_INDEX('a::b', '::', 1) FROM w
  UNION ALL SELECT 'extract', REGEXP_EXTRACT('order-1234-x', '([a-z]+)-(\d+)', 2) FROM w
  UNION ALL SELECT 'extract whole', REGEXP_EXTRACT('order-1234-x', '\d+') FROM w
  UNION ALL SELECT 'extract none', REGEXP_EXTRACT('order', '\d+') FROM w
  UNION ALL SELECT 'extract group', REGEXP_EXTRACT('order1', '\d+', 7) FROM w
  UNION ALL SELECT 'replace', REGEXP_REPLACE('a1b22', '\d+', '$1') FROM w
  UNION ALL SELECT 'regexp', CAST(REGEXP('abc', 'b') AS STRING) FROM w
  UNION ALL SELECT 'regexp empty', CAST(REGEXP('abc', '') AS STRING) FROM w
  UNION ALL SELECT 'like', CAST('a%c' LIKE 'a\%c' ESCAPE '\' AS STRING) FROM w
  UNION ALL SELECT 'like no', CAST('abc' LIKE 'a\%c' ESCAPE '\' AS STRING) FROM w
  UNION ALL SELECT 'like any', CAST('häuser' LIKE 'h_us%' AS STRING) FROM w
  UNION ALL SELECT 'like newline', CAST('a
b' LIKE 'a%b' AS STRING) FROM w
  UNION ALL SELECT 'not like', CAST('abc' NOT LIKE '%d%' AS STRING) FROM w
  UNION ALL SELECT 'similar', CAST('abab' SIMILAR TO '(ab)+' AS STRING) FROM w;
