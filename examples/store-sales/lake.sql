-- The same question, asked of the lake: every change counts for or against, so what is left is what
-- the database says. Bounded: it reads the files that are there, prints, and ends.

SET 'execution.runtime-mode' = 'batch';
SET 'table.local-time-zone' = 'UTC';

CREATE TABLE `lake` (
  `id`       BIGINT,
  `store_id` INT,
  `amount`   DECIMAL(12, 2),
  `status`   STRING,
  `paid_at`  TIMESTAMP(3),
  `change`   STRING,
  WATERMARK FOR `paid_at` AS `paid_at`
) WITH (
  'connector' = 'filesystem',
  'path' = '${env:LAKE}',
  'format' = 'parquet'
);

CREATE VIEW `signed` AS
SELECT
  `store_id`,
  `paid_at`,
  CASE WHEN `change` IN ('+I', '+U') THEN `amount` ELSE -`amount` END AS `amount`,
  CASE WHEN `change` IN ('+I', '+U') THEN 1 ELSE -1 END AS `payments`
FROM `lake`
WHERE `status` = 'paid';

CREATE TABLE `answer` (
  `store_id`   INT,
  `window_end` TIMESTAMP(3),
  `amount`     DECIMAL(38, 2),
  `payments`   INT
) WITH (
  'connector' = 'filesystem',
  'path' = '${env:ANSWER}',
  'format' = 'csv'
);

INSERT INTO `answer`
SELECT `store_id`, `window_end`, SUM(`amount`), SUM(`payments`)
FROM TABLE(HOP(TABLE `signed`, DESCRIPTOR(`paid_at`), INTERVAL '1' MINUTE, INTERVAL '30' MINUTE))
GROUP BY `store_id`, `window_start`, `window_end`
HAVING SUM(`payments`) > 0;
