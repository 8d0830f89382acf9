CREATE TABLE orders (id INT NOT NULL, item STRING, price DECIMAL(10, 2), ts TIMESTAMP(3), WATERMARK FOR ts AS ts);

CREATE TABLE t AS SELECT id,  ROW_NUMBER() OVER (PARTITION BY id ORDER BY ts DESC) AS rn , price * 2 AS twice, ts, COUNT(*) AS n FROM orders GROUP BY id, item, price, ts;
DESCRIBE t;
