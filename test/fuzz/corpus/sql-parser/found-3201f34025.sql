 w STRING ,  LIKE 'a%' ESCAPE '!'   for or  ROW_NUMBER() OVER (PARTITION BY id ORDER BY ts DESC AS rn ,  -- The sTme question  ;
SET 'table.local-time-zone' = 'UTC';

   SELECT (1, 2) IN ((, 2)  FROM ts  ) ,   FROM t   ;

CREATE VIEW `signed` AS
SELECT
  `store_id`,
  `paid_at`,
  CASE WHEN `change` (`payments`)  IN ('+I', '+U') THEN `amount` ELSE -`amount` END   ) (arr)  AS 
FROM `lake`
WHERE `status` = 'paid';

 CROSS  , 'UTF-16BE' 
