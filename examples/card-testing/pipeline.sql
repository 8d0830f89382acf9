-- Whoever has found a list of card numbers tries them with small amounts before he takes a large one.
-- Payments come in through the hub; with the address of a Kafka cluster the same file goes there.

CREATE TABLE payments (
    card    STRING,
    amount  DECIMAL(10, 2),
    paid_at TIMESTAMP(3),
    WATERMARK FOR paid_at AS paid_at - INTERVAL '5' SECOND
) WITH (
    'connector' = 'kafka',
    'topic' = 'payments',
    'properties.bootstrap.servers' = '127.0.0.1:9092',
    'scan.startup.mode' = 'earliest-offset',
    'format' = 'json'
);

CREATE TABLE alerts (
    card    STRING,
    tried   BIGINT,
    amount  DECIMAL(10, 2),
    paid_at TIMESTAMP(3)
) WITH (
    'connector' = 'kafka',
    'topic' = 'alerts',
    'properties.bootstrap.servers' = '127.0.0.1:9092',
    'key.format' = 'raw',
    'key.fields' = 'card',
    'value.format' = 'json',
    'value.json.encode.decimal-as-plain-number' = 'true'
);

INSERT INTO alerts
SELECT card, tried, amount, paid_at
FROM payments MATCH_RECOGNIZE (
    PARTITION BY card
    ORDER BY paid_at
    MEASURES COUNT(small.amount) AS tried, big.amount AS amount, big.paid_at AS paid_at
    AFTER MATCH SKIP PAST LAST ROW
    PATTERN (small{3,} big) WITHIN INTERVAL '10' MINUTE
    DEFINE small AS small.amount < 1, big AS big.amount > 100
) AS tests;
