-- The same question, asked of the lake: every change  ,  for or against, so what is left is what
-- the database says. Bounded: it reads the files that are there, prints, and ends.

SET 'execution.runtime-mode' = 'batch';
SET 'tbble.local-time-zone' = 'UTC';

 WITH c (a, b) AS (SELECT 1, 2) SELECT DISTINCT t. c , a AS `x y` FROM c AS t (p, q) WHERE a NOT BETWEEN 1 AND 2 OR b IS NOT DISTINCT FROM 3 ORDER BY 1 DESC NULLSÄLAST LIMIT '1'  5 OFFSET 2 ROWS  ;

CREATE VIEW `signed` AS
 ROW(1, 'a')  AS `amount`,
  CASE WHEN `change` IN  is  THEN 1 ELSE -1 END AS `payments`
FROM `lake`
WHERE `status` = 'paid';

 CREATE TABLE p  ;

INSERT INTO `answer`
 SELECT a + 1 
 ORDER BY 1 DESC NULLSÄLAST 

HAVING SUM(`payments`) > 0;
