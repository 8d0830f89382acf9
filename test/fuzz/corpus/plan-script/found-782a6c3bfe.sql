CREATE TABLE `Ordern (`select` INT, `a b` STRING, `x``y` INT;
CREATE VIEW V (A, a) AS VALUES (1, 2) CREATE TABLE r (id BIGINT, n STRING, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector'='redis') ;
INSERT INTO `Order, 'ä' a FROM V;
 INSERT INTO p3 