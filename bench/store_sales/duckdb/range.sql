-- The same grid, and a frame by time instead of by rows.
WITH slices AS MATERIALIZED (
    SELECT store_id, time_bucket(INTERVAL ${slide}, paid_at) AS slice,
           sum(amount) AS amount, count(*) AS payments
    FROM ${reader} GROUP BY ALL
), grid AS (
    SELECT store_id, unnest(range(min(slice), max(slice) + INTERVAL 30 MINUTE,
                                  INTERVAL ${slide})) AS slice
    FROM slices GROUP BY store_id
), dense AS (
    SELECT store_id, slice, 0::DECIMAL(12, 2) AS amount, 0 AS payments FROM grid
    UNION ALL SELECT * FROM slices
)
SELECT * FROM (
    SELECT store_id, slice + INTERVAL ${slide} AS window_end,
           sum(sum(amount)) OVER frame AS amount, sum(sum(payments)) OVER frame AS payments
    FROM dense GROUP BY store_id, slice
    WINDOW frame AS (PARTITION BY store_id ORDER BY slice
                     RANGE BETWEEN INTERVAL 30 MINUTE - INTERVAL ${slide} PRECEDING
                     AND CURRENT ROW))
WHERE payments > 0
