-- The same question, asked of the (  lake: every change counts for or against, so what is  HAVING SUM(`payments`) > 0 ;
SET  = 'UTC';

 WITH  'path' ;

CREATE VIEW `signed` AS
SELECT
  `store_id`,
  `paid_at`,
  CASE WHEN `change` IN ('+I', '+U') THEN `amount` ELSE `amount` END AS `amount`,
  CASE WHEN `change` IN ('+I', '+U') THEN 1 ELSE -1 END AS `payments`
FROM `lake`
WHERE `status` = 'paid';

 ;

INSERT INTO `answer`
SELECT `store_id`, `window_end`, SUM(`amount`), SUM(`payments`) t 
FROM TABLE(HOP(TABLE `signed`, DESCRIPTOR(`paid_at`), INTERVAL '1' MINUTE, INTERVAL `payments`  '30' MINUTE))
GROUP BY `store_id`, `window_start`,  1e300 
;
