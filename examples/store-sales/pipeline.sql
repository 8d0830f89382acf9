-- Sales per store over a sliding window, from a live MySQL or MariaDB to Redis, an HTTP API and a
-- Parquet lake. Set MYSQL_HOST, MYSQL_PORT, MYSQL_USER, MYSQL_PASSWORD, REDIS_HOST and REDIS_PORT,
-- create the table shop.payments (README.md has it), and:
--
--     weir run examples/store-sales/pipeline.sql

SET 'pipeline.name' = 'store-sales';
SET 'table.local-time-zone' = 'UTC';
SET 'execution.checkpointing.interval' = '5 s';

CREATE TABLE `payments` (
  `id`       BIGINT NOT NULL,
  `store_id` INT,
  `amount`   DECIMAL(12, 2),
  `status`   STRING,
  `paid_at`  TIMESTAMP(3),
  WATERMARK FOR `paid_at` AS `paid_at` - INTERVAL '5' MINUTE,
  PRIMARY KEY (`id`) NOT ENFORCED
) WITH (
  'connector' = 'mysql-cdc',
  'hostname' = '${env:MYSQL_HOST}',
  'port' = '${env:MYSQL_PORT}',
  'username' = '${env:MYSQL_USER}',
  'password' = '${env:MYSQL_PASSWORD}',
  'server-time-zone' = 'UTC',
  'database-name' = 'shop',
  'table-name' = 'payments'
);

-- A refund or cancellation changes the status: the payment leaves every window it was in. An
-- amended amount or time moves it. Changes up to five minutes late are taken in.
CREATE VIEW `sales` AS
SELECT
  `store_id`,
  `window_start`,
  `window_end`,
  SUM(`amount`) AS `amount`,
  COUNT(*)      AS `payments`
FROM TABLE(HOP(TABLE `payments`, DESCRIPTOR(`paid_at`), INTERVAL '1' MINUTE, INTERVAL '30' MINUTE))
WHERE `status` = 'paid'
GROUP BY `store_id`, `window_start`, `window_end`;

-- The HTTP API: the latest answer per store, and a day of them.
CREATE MATERIALIZED TABLE `store_sales`
  (CONSTRAINT `store` PRIMARY KEY (`store_id`) NOT ENFORCED)
  COMMENT 'Sales of the last 30 minutes per store'
  FRESHNESS = INTERVAL '1' MINUTE
AS SELECT * FROM `sales`;

CREATE MATERIALIZED TABLE `store_sales_history`
  (CONSTRAINT `store_and_window` PRIMARY KEY (`store_id`, `window_end`) NOT ENFORCED)
  COMMENT 'Sales of every window per store, kept for a day'
  WITH ('ttl' = '1 d')
  FRESHNESS = INTERVAL '1' MINUTE
AS SELECT * FROM `sales`;

-- Redis: the hash sales:<store> has the latest answer, and goes when a store has been silent for
-- half an hour.
CREATE TABLE `latest_in_redis` (
  `store_id`   INT NOT NULL,
  `amount`     DECIMAL(38, 2),
  `payments`   BIGINT,
  `window_end` TIMESTAMP(3),
  PRIMARY KEY (`store_id`) NOT ENFORCED
) WITH (
  'connector' = 'redis',
  'host' = '${env:REDIS_HOST}',
  'port' = '${env:REDIS_PORT}',
  'command' = 'HSET',
  'value.data.structure' = 'hash',
  'key.prefix' = 'sales:',
  'ttl' = '1800'
);

-- And the hashes sales-amount:<store> and sales-count:<store> have a field per window.
CREATE TABLE `amounts_in_redis` (
  `key`    STRING NOT NULL,
  `field`  STRING NOT NULL,
  `amount` DECIMAL(38, 2),
  PRIMARY KEY (`key`, `field`) NOT ENFORCED
) WITH (
  'connector' = 'redis',
  'host' = '${env:REDIS_HOST}',
  'port' = '${env:REDIS_PORT}',
  'command' = 'HSET',
  'ttl' = '86400'
);

CREATE TABLE `counts_in_redis` (
  `key`      STRING NOT NULL,
  `field`    STRING NOT NULL,
  `payments` BIGINT,
  PRIMARY KEY (`key`, `field`) NOT ENFORCED
) WITH (
  'connector' = 'redis',
  'host' = '${env:REDIS_HOST}',
  'port' = '${env:REDIS_PORT}',
  'command' = 'HSET',
  'ttl' = '86400'
);

-- The lake gets every raw change as a row of its own, with its kind: +I, -U, +U or -D.
-- Its options differ from those of `payments` in the last one only: both are read in one go.
CREATE TABLE `payment_changes` (
  `id`       BIGINT NOT NULL,
  `store_id` INT,
  `amount`   DECIMAL(12, 2),
  `status`   STRING,
  `paid_at`  TIMESTAMP(3),
  `change`   STRING NOT NULL METADATA FROM 'row_kind' VIRTUAL,
  `op_ts`    TIMESTAMP_LTZ(3) NOT NULL METADATA FROM 'op_ts' VIRTUAL,
  PRIMARY KEY (`id`) NOT ENFORCED
) WITH (
  'connector' = 'mysql-cdc',
  'hostname' = '${env:MYSQL_HOST}',
  'port' = '${env:MYSQL_PORT}',
  'username' = '${env:MYSQL_USER}',
  'password' = '${env:MYSQL_PASSWORD}',
  'server-time-zone' = 'UTC',
  'database-name' = 'shop',
  'table-name' = 'payments',
  'scan.read-changelog-as-append-only.enabled' = 'true'
);

CREATE TABLE `lake` (
  `id`       BIGINT,
  `store_id` INT,
  `amount`   DECIMAL(12, 2),
  `status`   STRING,
  `paid_at`  TIMESTAMP(3),
  `change`   STRING,
  `op_ts`    TIMESTAMP_LTZ(3),
  `dt`       STRING
) PARTITIONED BY (`dt`) WITH (
  'connector' = 'filesystem',
  'path' = '${env:LAKE}',
  'format' = 'parquet'
);

EXECUTE STATEMENT SET BEGIN
  INSERT INTO `latest_in_redis`
  SELECT `store_id`, `amount`, `payments`, `window_end` FROM `sales`;

  INSERT INTO `amounts_in_redis`
  SELECT
    CONCAT('sales-amount:', CAST(`store_id` AS STRING)),
    DATE_FORMAT(`window_end`, 'yyyy-MM-dd HH:mm'),
    `amount`
  FROM `sales`;

  INSERT INTO `counts_in_redis`
  SELECT
    CONCAT('sales-count:', CAST(`store_id` AS STRING)),
    DATE_FORMAT(`window_end`, 'yyyy-MM-dd HH:mm'),
    `payments`
  FROM `sales`;

  INSERT INTO `lake`
  SELECT
    `id`, `store_id`, `amount`, `status`, `paid_at`, `change`, `op_ts`,
    DATE_FORMAT(`paid_at`, 'yyyy-MM-dd')
  FROM `payment_changes`;
END;
