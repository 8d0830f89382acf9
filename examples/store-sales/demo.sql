-- Sales per store over the last 30 minutes, renewed every minute, from made-up payments: no
-- server is needed. Change something and run it again:
--
--     build/weir run examples/store-sales/demo.sql
--
-- The payments come a hundred times faster than real ones: ten minutes pass in six seconds.

SET 'pipeline.name' = 'store-sales-demo';
SET 'table.local-time-zone' = 'UTC';
SET 'execution.checkpointing.interval' = '5 s';

CREATE TABLE `payments` (
  `payment_id` BIGINT,
  `store_id`   INT,
  `cents`      INT,
  `amount`     AS CAST(CAST(`cents` AS DECIMAL(12, 2)) / 100 AS DECIMAL(12, 2)),
  `paid_at`    AS TO_TIMESTAMP_LTZ(1767258000000 + `payment_id` * 200, 3),
  WATERMARK FOR `paid_at` AS `paid_at` - INTERVAL '5' SECOND
) WITH (
  'connector' = 'datagen',
  'rows-per-second' = '500',
  'fields.payment_id.kind' = 'sequence',
  'fields.payment_id.start' = '1',
  'fields.payment_id.end' = '1000000000',
  'fields.store_id.min' = '1',
  'fields.store_id.max' = '12',
  'fields.cents.min' = '150',
  'fields.cents.max' = '25000'
);

-- The question: how much, and how many, per store, in the last 30 minutes, every minute anew.
CREATE VIEW `sales` AS
SELECT
  `store_id`,
  `window_start`,
  `window_end`,
  SUM(`amount`) AS `amount`,
  COUNT(*)      AS `payments`
FROM TABLE(HOP(TABLE `payments`, DESCRIPTOR(`paid_at`), INTERVAL '1' MINUTE, INTERVAL '30' MINUTE))
GROUP BY `store_id`, `window_start`, `window_end`;

-- The answer as it stands now, one row per store, behind the HTTP API:
--     GET /v1/tables/store_sales/rows
CREATE MATERIALIZED TABLE `store_sales`
  (CONSTRAINT `store` PRIMARY KEY (`store_id`) NOT ENFORCED)
  COMMENT 'Sales of the last 30 minutes per store'
  FRESHNESS = INTERVAL '1' MINUTE
AS SELECT * FROM `sales`;

-- Every payment, as it came, in a Parquet lake with a folder per hour.
CREATE TABLE `lake` (
  `payment_id` BIGINT,
  `store_id`   INT,
  `amount`     DECIMAL(12, 2),
  `paid_at`    TIMESTAMP_LTZ(3),
  `dt`         STRING,
  `hour`       STRING
) PARTITIONED BY (`dt`, `hour`) WITH (
  'connector' = 'filesystem',
  'path' = 'weir-data/lake/payments',
  'format' = 'parquet'
);

INSERT INTO `lake`
SELECT
  `payment_id`, `store_id`, `amount`, `paid_at`,
  DATE_FORMAT(`paid_at`, 'yyyy-MM-dd'), DATE_FORMAT(`paid_at`, 'HH')
FROM `payments`;
