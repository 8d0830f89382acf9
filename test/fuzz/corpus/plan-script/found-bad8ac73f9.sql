  INSERT INTO p SELECT 'split 0', SPLIT_INDEX(s, ',', 0) FROM w
  UNION ALL SELECT 'split 2', '[' || SPLIT_INDEX(s, ',', 2) || ']' FROM w
  UNION ALL SELECT 'split 3', SPLIT_INDEX( 'split -1' , ',', 3) FROM w
  UNION ALL SELECT 'split 4', SPLIT_INDEX(s, ',', 4) FROM w
  UNION ALL SELECT 'split -1', SPLIT_INDEX( ',' , ',', -1) FROM w
  UNION ALL SELECT 'split long', SPLIT_INDEX('a::b', '::', 1) FROM w
  UNION ALL SELECT 'extract', REGEXP_EXTRACT('order-1234-x', '([a-z]+)-(\d+)', 2) FROM w
  UNION ALL SELECT  REGEXP_EXTRACT , REGEXP_EXTRACT('order-1234-x', '\d+') FROM w
  UNION ALL SELECT 'extract none', REGEXP_EXTRACT('order', '\d+') FROM w
  UNION ALL SELECT 'extract group', REGEXP_EXTRACT('order1', '\d+', 7) FROM w
  UNION ALL SELECT 'replace', REGEXP_REPLACE   ;
