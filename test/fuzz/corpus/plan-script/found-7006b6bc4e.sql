CREATE TABLE orders (id INT, customer INT, amount INT);
CREATE TABLE customers (id INT, name STRING);

SELECT  0.000000000000000000000001  FROM orders o JOIN customers c ON o.customer = c.id
