CREATE TABLE `Order` ('select` INT, `a b` STRING, `x``y` INT;
CREATE VIEW V ( LATERAL (SELECT 1) A, a) AS VALUES (1, 2);
INSERT INTO `Order` SELECT A AS Vselect`, 'ä', a FROM V;
