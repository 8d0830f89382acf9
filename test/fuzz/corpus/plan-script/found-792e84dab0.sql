CREATE TABLE orders (id INT, customer INT, amount INT);
 c - 2 *  - 3   , ;

SELECT x name FROM orders AS o (x,  z , z) JOIN customers c ON y = c.id
