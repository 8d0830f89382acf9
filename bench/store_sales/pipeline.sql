-- Sales of every store over the last 30 minutes. ${file}, ${slide} and ${sink} are filled in.
CREATE TABLE payments (
    id BIGINT,
    store_id INT,
    amount DECIMAL(12, 2),
    paid_at TIMESTAMP(3),
    status STRING,
    customer STRING,
    `method` STRING,
    till INT,
    unit STRING,
    WATERMARK FOR paid_at AS paid_at - INTERVAL '5' SECOND
) WITH (
    'connector' = 'filesystem',
    'path' = '${file}',
    'format' = 'json'
);

CREATE TABLE sales (
    store_id INT,
    window_end TIMESTAMP(3),
    amount DECIMAL(38, 2),
    payments BIGINT
) WITH (${sink});

INSERT INTO sales
SELECT store_id, window_end, SUM(amount), COUNT(*)
FROM TABLE(HOP(TABLE payments, DESCRIPTOR(paid_at), INTERVAL ${slide}, INTERVAL '30' MINUTE))
GROUP BY store_id, window_start, window_end;
