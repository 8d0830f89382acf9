-- Slices, laid on a grid of all stores and times, and a window frame over its rows.
WITH slices AS MATERIALIZED (
    SELECT store_id, time_bucket(INTERVAL ${slide}, paid_at) AS slice,
           sum(amount) AS amount, count(*) AS payments
    FROM ${reader} GROUP BY ALL
), grid AS (
    SELECT store_id, slice
    FROM (SELECT DISTINCT store_id FROM slices),
         (SELECT unnest(range(min(slice), max(slice) + INTERVAL 30 MINUTE, INTERVAL ${slide}))
          AS slice FROM slices)
)
SELECT * FROM (
    SELECT grid.store_id, grid.slice + INTERVAL ${slide} AS window_end,
           sum(amount) OVER frame AS amount, sum(payments) OVER frame AS payments
    FROM grid LEFT JOIN slices USING (store_id, slice)
    WINDOW frame AS (PARTITION BY grid.store_id ORDER BY grid.slice
                     ROWS BETWEEN ${before} PRECEDING AND CURRENT ROW))
WHERE payments > 0
