CREATE TABLE orders (id BIGINT, customer BIGINT, amount BIGINT)
WITH ('connector' = 'filesystem', 'path' = '$orders', 'format' = 'json');
CREATE TABLE payments (order_id BIGINT, paid BIGINT, `method` STRING)
WITH ('connector' = 'filesystem', 'path' = '$payments', 'format' = 'json');
CREATE TABLE paid_orders (id BIGINT, customer BIGINT, amount BIGINT, paid BIGINT, `method` STRING)
WITH ($sink);
INSERT INTO paid_orders
SELECT o.id, customer, amount, paid, `method` FROM orders o $kind payments p ON o.id = p.order_id;
