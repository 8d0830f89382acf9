-- Each slice goes into every window it belongs to, which are then summed up.
WITH slices AS (
    SELECT store_id, time_bucket(INTERVAL ${slide}, paid_at) AS slice,
           sum(amount) AS amount, count(*) AS payments
    FROM ${reader} GROUP BY ALL
)
SELECT store_id, window_end, sum(amount) AS amount, sum(payments) AS payments
FROM (
    SELECT store_id, amount, payments,
           unnest(range(slice + INTERVAL ${slide},
                        slice + INTERVAL ${slide} + INTERVAL 30 MINUTE,
                        INTERVAL ${slide})) AS window_end
    FROM slices)
GROUP BY ALL
