-- Slices joined with the windows they lie in.
WITH slices AS MATERIALIZED (
    SELECT store_id, time_bucket(INTERVAL ${slide}, paid_at) AS slice,
           sum(amount) AS amount, count(*) AS payments
    FROM ${reader} GROUP BY ALL
), windows AS (
    SELECT unnest(range(min(slice) + INTERVAL ${slide},
                        max(slice) + INTERVAL ${slide} + INTERVAL 30 MINUTE,
                        INTERVAL ${slide})) AS window_end
    FROM slices
)
SELECT store_id, window_end, sum(amount) AS amount, sum(payments) AS payments
FROM slices JOIN windows ON slice < window_end AND slice >= window_end - INTERVAL 30 MINUTE
GROUP BY ALL
